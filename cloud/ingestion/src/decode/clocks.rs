//! Which clock to believe. A wrong one is set aside with a note, and the next best takes its place.

use crate::{decode::Case, reason::Reason};
use kosmo_domain::{EARLIEST_PLAUSIBLE, Observed, TimeSource, Timestamp, observed_at};

/// Returns when something was so: by the clock of the device, which the record tells in `field`, or else by the next clock
/// that can be right. Each clock that was asked and is wrong is noted.
pub(super) fn judge<B>(case: &mut Case<'_, B>, device: Option<Timestamp>, field: &'static str) -> Observed {
    let (radio, bridge) = (case.rx_time(), case.record.heard_at);
    let observed = observed_at(device, radio, bridge, case.received_at);
    let asked =
        [(device, TimeSource::Device, field), (radio, TimeSource::Radio, "packet.rx_time"), (Some(bridge), TimeSource::Bridge, "heard_at")];
    for (told, source, field) in asked {
        if source == observed.source {
            break;
        }
        let Some(told) = told else { continue };
        let reason = if told < EARLIEST_PLAUSIBLE { Reason::ClockNotSet } else { Reason::ClockAhead };
        let detail = format!(
            "the clock of the {} said {told}; {} by that of the {} was taken instead",
            source.as_str(),
            observed.at,
            observed.source.as_str()
        );
        case.refuse(reason, field, detail);
    }
    observed
}
