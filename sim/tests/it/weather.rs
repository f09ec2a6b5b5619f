use kosmo_domain::{DAY, HOUR, Timestamp};
use kosmo_sim::{
    region::{self, Kind, Node},
    weather::{Conditions, Weather},
};
use std::time::Duration;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn stations() -> Vec<Node> {
    region::nodes(1, 2).into_iter().filter(|node| matches!(node.kind, Kind::Station(_))).collect()
}

fn station(name: &str) -> Node {
    stations().into_iter().find(|node| node.short_name == name).unwrap()
}

fn every(step: Duration, from: Timestamp, count: u32) -> impl Iterator<Item = Timestamp> {
    (0..count).map(move |index| from.plus(step * index))
}

fn series(name: &str, seed: u64, value: impl Fn(&Conditions) -> f64) -> Vec<f64> {
    let (site, weather) = (station(name).site, Weather::new(seed));
    every(HOUR, at("2026-03-01T00:00:00Z"), 24 * 40).map(|time| value(&weather.at(&site, time))).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let product: f64 = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).sum();
    let square = |values: &[f64], mean: f64| values.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    product / (square(a, mean_a) * square(b, mean_b)).sqrt()
}

#[test]
fn everything_stays_within_what_the_region_has_seen() {
    for seed in 1..4 {
        let weather = Weather::new(seed);
        for node in stations() {
            for time in every(HOUR * 31, at("2026-01-01T00:00:00Z"), 260) {
                let now = weather.at(&node.site, time);
                let check = |what: &str, value: f64, low: f64, high: f64| {
                    assert!((low..=high).contains(&value), "{} {what} {value} at {time}", node.long_name);
                };
                check("temperature", now.temperature_c, -24.0, 42.0);
                check("humidity", now.humidity_pct, 10.0, 100.0);
                let sea_level = now.pressure_hpa + node.site.altitude_m * 0.12;
                check("pressure at sea level", sea_level, 965.0, 1_055.0);
                check("wind", now.wind_speed_ms, 0.0, 34.0);
                check("gust", now.wind_gust_ms, now.wind_speed_ms, 60.0);
                check("lull", now.wind_lull_ms, 0.0, now.wind_speed_ms);
                check("direction", now.wind_direction_deg, 0.0, 359.0);
                check("rain of an hour", now.rain_1h_mm, 0.0, 30.0);
                check("rain of a day", now.rain_24h_mm, now.rain_1h_mm - 0.01, 80.0);
                check("light", now.illuminance_lux, 0.0, 125_000.0);
                check("dust", now.pm25_ugm3, 1.0, 160.0);
                check("coarse dust", now.pm10_ugm3, now.pm25_ugm3, 260.0);
                check("gas resistance", now.gas_resistance_ohm, 8_000.0, 400_000.0);
                check("charge", now.battery_pct, 15.0, 100.0);
                check("battery", now.battery_voltage_v, 3.3, 4.25);
                check("panel", now.solar_voltage_v, 0.0, 6.0);
            }
        }
    }
}

#[test]
fn afternoons_are_warmer_and_drier_than_the_hour_before_sunrise() {
    let site = station("WITT").site;
    let weather = Weather::new(1);
    let over = |hour: u64, value: fn(&Conditions) -> f64| {
        let days: Vec<_> = every(DAY, at("2026-06-01T00:00:00Z").plus(HOUR * u32::try_from(hour).unwrap()), 60)
            .map(|time| value(&weather.at(&site, time)))
            .collect();
        mean(&days)
    };
    let warmer = over(14, |now| now.temperature_c) - over(3, |now| now.temperature_c);
    assert!((6.0..15.0).contains(&warmer), "{warmer} K between night and afternoon in June");
    let drier = over(3, |now| now.humidity_pct) - over(14, |now| now.humidity_pct);
    assert!((20.0..60.0).contains(&drier), "{drier} % between night and afternoon");
    assert!(over(12, |now| now.illuminance_lux) > 30_000.0 && over(0, |now| now.illuminance_lux) == 0.0);
    assert!(over(12, |now| now.solar_current_ma) > 50.0 && over(0, |now| now.battery_current_ma) < 0.0);
    assert!(over(17, |now| now.battery_pct) > over(5, |now| now.battery_pct) + 2.0);
}

#[test]
fn winter_is_colder_than_summer_and_the_summit_colder_than_the_valley() {
    let weather = Weather::new(1);
    let month = |name: &str, from: &str| {
        let site = station(name).site;
        mean(&every(HOUR * 5, at(from), 144).map(|time| weather.at(&site, time).temperature_c).collect::<Vec<_>>())
    };
    let (valley_july, valley_january) = (month("COCH", "2026-07-01T00:00:00Z"), month("COCH", "2026-01-01T00:00:00Z"));
    assert!((14.0..24.0).contains(&valley_july), "{valley_july}");
    assert!((-5.0..6.0).contains(&valley_january), "{valley_january}");
    assert!(valley_july - month("ERBK", "2026-07-01T00:00:00Z") > 3.0);
}

#[test]
fn neighbours_are_more_alike_than_stations_far_apart() {
    type Value = fn(&Conditions) -> f64;
    let values: [(&str, Value); 3] =
        [("wind", |now| now.wind_speed_ms), ("rain", |now| now.rain_1h_mm), ("light", |now| now.illuminance_lux)];
    for (what, value) in values {
        let home = series("TRIE", 1, value);
        let (near, far) = (correlation(&home, &series("KONZ", 1, value)), correlation(&home, &series("ACHT", 1, value)));
        assert!(near > 0.6 && near > far && far > 0.1, "{what}: {near} near, {far} far");
    }
}

#[test]
fn a_cold_front_reaches_one_station_after_the_other() {
    let weather = Weather::new(1);
    let (west, east) = (station("PRUM").site, station("COCH").site);
    let front = weather.cold_front(&west, at("2026-04-10T00:00:00Z"));
    let later = weather.cold_front(&east, front).since(front);
    assert!(later > Duration::from_mins(20) && later < HOUR * 4, "{later:?}");

    // Over fifty fronts: it turns colder, the wind veers to north-west, the pressure rises.
    let (mut colder, mut rising, mut behind) = (0, 0, 0);
    for index in 0..50 {
        let front = weather.cold_front(&west, at("2025-10-01T00:00:00Z").plus(HOUR * 64 * index));
        let (before, after) = (weather.at(&west, front.minus(HOUR * 3)), weather.at(&west, front.plus(HOUR * 21)));
        colder += i32::from(weather.at(&west, front.minus(HOUR)).temperature_c > after.temperature_c);
        rising += i32::from(before.pressure_hpa < after.pressure_hpa);
        behind += i32::from((265.0..340.0).contains(&weather.at(&west, front.plus(HOUR * 3)).wind_direction_deg));
    }
    assert!(colder > 42 && rising > 42 && behind > 30, "{colder} colder, {rising} rising, {behind} from the north-west");
}

#[test]
fn rolling_rain_is_the_sum_of_the_increments() {
    let (site, weather) = (station("WITT").site, Weather::new(1));
    let minutes = Duration::from_mins(5);
    let times: Vec<_> = every(minutes, at("2026-05-01T00:00:00Z"), 12 * 24 * 20).collect();
    let increments: Vec<_> = times.iter().map(|&time| weather.rain_mm(&site, time.minus(minutes), time)).collect();
    assert!(increments.iter().all(|&mm| mm >= 0.0));
    let total: f64 = increments.iter().sum();
    assert!((15.0..200.0).contains(&total), "{total} mm in twenty days");
    let dry = increments.iter().filter(|&&mm| mm < 0.001).count();
    assert!(dry * 2 > increments.len(), "it rains most of the time: dry in {dry} of {}", increments.len());
    for (index, &time) in times.iter().enumerate().skip(288).step_by(7) {
        let now = weather.at(&site, time);
        let hour: f64 = increments[index - 11..=index].iter().sum();
        let day: f64 = increments[index - 287..=index].iter().sum();
        assert!((now.rain_1h_mm - hour).abs() < 0.006, "{} for {hour} at {time}", now.rain_1h_mm);
        assert!((now.rain_24h_mm - day).abs() < 0.006, "{} for {day} at {time}", now.rain_24h_mm);
    }
}

#[test]
fn dust_has_its_hours_and_rain_washes_it_out() {
    let (site, weather) = (station("TRIE").site, Weather::new(1));
    let (mut by_hour, mut wet, mut dry) = (vec![Vec::new(); 24], Vec::new(), Vec::new());
    for (index, time) in every(HOUR, at("2026-02-01T00:00:00Z"), 24 * 60).enumerate() {
        let now = weather.at(&site, time);
        by_hour[index % 24].push(now.pm25_ugm3);
        if weather.rain_mm(&site, time.minus(HOUR * 2), time) > 1.0 { wet.push(now.pm25_ugm3) } else { dry.push(now.pm25_ugm3) }
    }
    let hour = |hour: usize| mean(&by_hour[hour]);
    assert!(hour(7) > hour(3) * 1.2 && hour(19) > hour(14) * 1.2, "{} {} {} {}", hour(3), hour(7), hour(14), hour(19));
    assert!(mean(&wet) < mean(&dry) * 0.75, "{} wet, {} dry", mean(&wet), mean(&dry));
}

#[test]
fn the_same_seed_gives_the_same_weather_and_another_seed_another() {
    let site = station("DAUN").site;
    let noon = at("2026-08-01T12:00:00Z");
    assert_eq!(Weather::new(5).at(&site, noon), Weather::new(5).at(&site, noon));
    assert_ne!(Weather::new(5).at(&site, noon), Weather::new(6).at(&site, noon));
}

#[test]
fn nothing_jumps_from_one_minute_to_the_next() {
    let (site, weather) = (station("GERO").site, Weather::new(2));
    let mut before = weather.at(&site, at("2026-04-01T00:00:00Z"));
    for time in every(Duration::from_mins(1), at("2026-04-01T00:01:00Z"), 3 * 1_440) {
        let now = weather.at(&site, time);
        assert!((now.temperature_c - before.temperature_c).abs() < 0.6, "{time}");
        assert!((now.pressure_hpa - before.pressure_hpa).abs() < 0.35, "{time}");
        assert!((now.humidity_pct - before.humidity_pct).abs() < 6.0, "{time}");
        before = now;
    }
}
