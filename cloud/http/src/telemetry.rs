//! How services measure themselves: the names of HTTP's metrics, and a recorder with buckets that fit.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};

/// Requests answered, by service, route, method and status.
pub(crate) const REQUESTS: &str = "kosmo_http_requests_total";
/// How long answers took to begin, by service and route.
pub(crate) const DURATION: &str = "kosmo_http_request_duration_seconds";

/// Upper bounds of the histograms of seconds: from what a cached row takes to what a client has given up on.
const SECONDS: [f64; 12] = [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Upper bounds of the histograms of batch sizes.
const BATCH: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0];

/// Returns a recorder that keeps metrics for `/metrics`. Whoever composes the program installs it, and passes its handle to
/// the services; histograms named `…_seconds` and `…_batch_size` get buckets, which add up across processes where quantiles do not.
///
/// # Panics
/// Never: a recorder refuses only empty lists of buckets.
pub fn recorder() -> PrometheusRecorder {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_batch_size".to_owned()), &BATCH))
        .expect("the lists of buckets are not empty")
        .build_recorder()
}
