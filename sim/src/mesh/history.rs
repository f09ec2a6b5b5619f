//! The past of the mesh: what its stations would have sent, for a demonstration that does not begin empty.

use crate::{
    Config,
    mesh::station::Voice,
    region::{self, Kind},
    weather::Weather,
};
use kosmo_domain::{Metric, Reading, Timestamp};
use std::time::Duration;

/// Returns the readings of all stations from `from` to before `to`, one from each station every `step`, by time.
///
/// It is the weather that the running mesh goes on with, and the same metrics; stations take turns within a step, as
/// they do on air. Rain is the rolling hour and day, as Meshtastic's telemetry has it, and besides what fell in each step, as
/// stations count that have a bucket.
///
/// # Panics
/// If `step` is zero.
pub fn history(config: &Config, from: Timestamp, to: Timestamp, step: Duration) -> impl Iterator<Item = Reading> + use<> {
    assert!(!step.is_zero(), "a history has steps");
    let voice = Voice { seed: config.seed, weather: Weather::new(config.seed), longest_name: config.firmware.longest_name() };
    let stations: Vec<_> =
        region::nodes(config.seed, config.listen.len()).into_iter().filter(|node| voice.metrics(node, from).is_some()).collect();
    let turn = step / u32::try_from(stations.len()).unwrap_or(u32::MAX).max(1);
    let starts = std::iter::successors(Some(from), move |at| Some(at.plus(step))).take_while(move |&at| at < to);
    starts.flat_map(move |start| {
        let readings = stations.iter().zip(0..).filter_map(|(node, index)| {
            let at = start.plus(turn * index).floor_to(Duration::from_secs(1)).max(from);
            let mut metrics = voice.metrics(node, at)?;
            if matches!(node.kind, Kind::Station(sensors) if sensors.mast) {
                let fell = (voice.weather.rain_mm(&node.site, at.minus(step), at) * 100.0).round() / 100.0;
                metrics.set(Metric::Rain, fell).expect("what falls in a step is plausible");
            }
            (at < to).then_some(Reading { node: node.id, at, metrics })
        });
        readings.collect::<Vec<_>>()
    })
}
