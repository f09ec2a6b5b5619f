//! What can be stored of a reading.

use crate::{
    decode::{Case, clocks},
    reason::Reason,
};
use kosmo_contract::{Measured, ReadingBody, RefusedValue};
use kosmo_domain::{Metrics, Reading, Source, Trust};
use kosmo_store::ingest::{Body, Note};

/// Returns the reading as far as it can be stored.
pub(super) fn judge(case: &mut Case<'_, ReadingBody>) -> Result<Body, Note> {
    let node = case.record.body.node_id;
    node.sender().map_err(|error| Reason::ReservedNode.note("body.node_id", error.to_string()))?;
    let measured = std::mem::take(&mut case.record.body.metrics);
    let metrics = plausible(case, measured, "body.metrics")?;
    let device_time = case.record.body.device_time;
    let observed = clocks::judge(case, device_time, "body.device_time");
    let oldest = case.oldest();
    if observed.at < oldest {
        return Err(
            Reason::TooOld.note("body.device_time", format!("measured at {}; readings from before {oldest} are not kept", observed.at))
        );
    }
    Ok(Body::Reading {
        reading: Reading { node, at: observed.at, metrics },
        time_source: observed.source,
        device_time,
        trust: Trust::Claimed,
        source: Source::Bridge,
    })
}

/// Returns the values that can be stored, and notes the others.
pub(super) fn plausible<B>(case: &mut Case<'_, B>, measured: Measured, field: &str) -> Result<Metrics, Note> {
    for RefusedValue { name, value, metric } in measured.refused {
        let (reason, detail) = match metric.map(|metric| metric.check(value)) {
            _ if !value.is_finite() => (Reason::NotANumber, format!("{value} is no number that can be measured")),
            None => (Reason::UnknownMetric, "no metric has this name".to_owned()),
            Some(Err(implausible)) => (Reason::OutOfRange, implausible.to_string()),
            Some(Ok(_)) => continue,
        };
        case.refuse(reason, format!("{field}.{name}"), detail);
    }
    if measured.metrics.is_empty() {
        return Err(Reason::NoValues.note(field, "there is no value that could be stored"));
    }
    Ok(measured.metrics)
}
