use kosmo_domain::{DAY, Metric, Timestamp};
use kosmo_sim::{Config, history, region::Kind};
use std::{collections::BTreeSet, time::Duration};

const STEP: Duration = Duration::from_mins(15);

fn start() -> Timestamp {
    "2026-04-05T00:00:00Z".parse().unwrap()
}

#[test]
fn a_week_has_each_station_at_each_step_in_order() {
    let readings: Vec<_> = history(&Config::default(), start(), start().plus(DAY * 7), STEP).collect();
    let nodes = kosmo_sim::region::nodes(1, 2);
    let stations: BTreeSet<_> = nodes.iter().filter(|node| matches!(node.kind, Kind::Station(_))).map(|node| node.id).collect();
    assert_eq!(readings.len(), stations.len() * 7 * 96);
    assert_eq!(readings.iter().map(|reading| reading.node).collect::<BTreeSet<_>>(), stations);
    assert!(readings.is_sorted_by_key(|reading| reading.at));
    assert!(readings.iter().all(|reading| reading.at >= start() && reading.at < start().plus(DAY * 7)));
    assert_eq!(readings.iter().map(|reading| (reading.node, reading.at)).collect::<BTreeSet<_>>().len(), readings.len());
    assert!(readings.iter().all(|reading| reading.metrics.get(Metric::Temperature).is_some()));
    assert!(readings.iter().any(|reading| reading.metrics.get(Metric::Rain24h).is_some_and(|mm| mm > 1.0)));
}

#[test]
fn overlapping_pasts_agree() {
    let long: Vec<_> = history(&Config::default(), start(), start().plus(DAY), STEP).collect();
    let late: Vec<_> = history(&Config::default(), start().plus(DAY / 2), start().plus(DAY), STEP).collect();
    assert!(!late.is_empty() && long.ends_with(&late));
}

#[test]
fn what_fell_in_each_step_adds_up_to_the_rolling_day() {
    let readings: Vec<_> = history(&Config::default(), start(), start().plus(DAY * 3), STEP).collect();
    let station = readings.iter().find(|reading| reading.metrics.get(Metric::Rain).is_some()).expect("some station has a bucket").node;
    let of_station: Vec<_> = readings.iter().filter(|reading| reading.node == station).collect();
    let mut wet = false;
    for window in of_station.windows(96) {
        let fell: f64 = window.iter().filter_map(|reading| reading.metrics.get(Metric::Rain)).sum();
        let day = window[95].metrics.get(Metric::Rain24h).unwrap();
        // Each step is rounded to a hundredth of a millimetre.
        assert!((fell - day).abs() < 0.6, "{fell} mm in steps, {day} mm in the day");
        wet |= day > 1.0;
    }
    assert!(wet, "it rains in three days of April");
}
