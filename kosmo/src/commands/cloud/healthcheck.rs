//! `kosmo healthcheck`.

use crate::{
    cli::{self, Service},
    config::Config,
    listen::reachable,
    output::{plain, say},
};
use anyhow::{Context as _, Result, bail};
use std::time::Duration;

/// How long a service may take to say that it is ready; its own checks take two seconds at most.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: cli::Healthcheck, config: &Config) -> Result<()> {
    let http = &config.http;
    let port = match args.service {
        Service::Web => http.web_port,
        Service::Ingestion => http.ingestion_port,
        Service::Weather => http.weather_port,
        Service::Gateway => http.gateway_port,
    };
    let base = args.url.unwrap_or_else(|| format!("http://{}", reachable(http.at(port))));
    let url = format!("{}/readyz", base.trim_end_matches('/'));
    let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build().context("no HTTP client can be made")?;
    let response = client.get(&url).send().await.with_context(|| format!("{url} does not answer"))?;
    let status = response.status();
    let words = response.text().await.unwrap_or_default();
    if !status.is_success() {
        bail!("{url} answers {status}: {}", words.trim());
    }
    say(&words.lines().map(plain).collect::<Vec<_>>().join("\n"))
}
