//! `GET /api/v1/weather/history.csv`: history as a table, as long as it may be, in little memory.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{
    buckets,
    csv::Columns,
    params::{metrics, step_or_auto, time},
    step::Step,
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures_util::stream;
use kosmo_domain::{DAY, HOUR, Metric, NodeId, Timestamp};
use kosmo_http::{Problem, ProblemBody, Query};
use kosmo_store::Store;
use serde::Deserialize;
use std::{io, time::Duration};
use utoipa::IntoParams;

/// How many readings are read and written at once.
const READINGS_AT_ONCE: u32 = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// The node.
    #[param(value_type = String, example = "!a1b2c3d4")]
    node_id: NodeId,
    /// From when on; from the beginning of the bucket that this lies in.
    #[serde(deserialize_with = "time")]
    #[param(value_type = String, format = DateTime, example = "2025-06-01T00:00:00Z")]
    start: Timestamp,
    /// Until when, which itself does not belong to it. However long after `start`.
    #[serde(deserialize_with = "time")]
    #[param(value_type = String, format = DateTime, example = "2026-06-01T00:00:00Z")]
    end: Timestamp,
    /// How finely: `raw` if left out.
    #[serde(default, deserialize_with = "step_or_auto")]
    #[param(value_type = Option<String>, pattern = "^(raw|5m|15m|30m|1h|3h|6h|12h|1d)$", example = "1h")]
    interval: Option<Step>,
    /// Which metrics, by name and with commas between; all that the node ever measured if left out.
    #[serde(default, deserialize_with = "metrics")]
    #[param(value_type = Option<String>, example = "temperature_c,humidity_pct")]
    metrics: Option<Vec<Metric>>,
}

/// History as a table
///
/// Comma-separated values (RFC 4180) with a line of names: `time_utc`, `node_id`, `name`, then the metrics, whose names end in
/// their units. Where readings are summarised, `time_utc` is when the bucket begins, each metric has what its `aggregate` says
/// (`…_mean`, `…_min` and `…_max`; `…_max`; `…_sum`; `…_last`), and `readings` tells how many there were. What was not measured
/// is empty. A name that a spreadsheet would take for a formula has an apostrophe before it. Whole years may be asked for.
#[utoipa::path(
    get,
    operation_id = "weather_history_csv",
    path = "/api/v1/weather/history.csv",
    tag = "weather",
    params(Params),
    responses(
        (status = 200, description = "The table; if it ends early, so does the connection", body = String, content_type = "text/csv",
         example = "time_utc,node_id,name,temperature_c_mean,temperature_c_min,temperature_c_max,rain_mm_sum,readings\r\n2026-06-01T11:00:00Z,!a1b2c3d4,Ana im Tal,21.25,20.9,21.6,0.4,60\r\n"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "Nothing was ever heard of this node", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>) -> Result<Response, Problem> {
    let Params { node_id, start, end, .. } = params;
    if start >= end {
        return Err(Problem::invalid("start", "`start` comes before `end`"));
    }
    let detail = store.node(node_id).await?.ok_or_else(|| Problem::not_found("nothing was ever heard of this node"))?;
    let step = params.interval.unwrap_or(Step::Raw);
    let measured = || detail.latest.iter().map(|value| value.metric).collect();
    let columns = Columns::new(node_id, detail.node.long_name.as_deref(), params.metrics.unwrap_or_else(measured), step != Step::Raw);
    // Nothing was measured before a node was first heard of, nor after it was last heard of.
    let from = start.max(detail.node.first_heard.floor_to(DAY));
    let to = end.min(detail.node.last_heard.plus(DAY));
    let name = format!("{}-{}-{}-{}.csv", node_id.to_string().trim_start_matches('!'), step.as_str(), day(start), day(end));
    let head = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    let export = Export { store, node: node_id, step, columns, to, next: Next::Header { from } };
    Ok((head, Body::from_stream(stream::try_unfold(export, Export::part))).into_response())
}

fn day(at: Timestamp) -> String {
    at.to_string().chars().take_while(|c| *c != 'T').collect()
}

/// A table that is being written.
struct Export {
    store: Store,
    node: NodeId,
    step: Step,
    columns: Columns,
    to: Timestamp,
    next: Next,
}

/// What is to be written next.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The names of the columns.
    Header { from: Timestamp },
    /// The rows from here on, or after here.
    Rows { from: Timestamp, after: Option<Timestamp> },
    /// Nothing: that was all.
    End,
}

impl Export {
    /// Returns the next part that is not empty, and what is then left; nothing at the end.
    async fn part(mut self) -> io::Result<Option<(Bytes, Self)>> {
        loop {
            let part = match self.next {
                Next::Header { from } => {
                    let from = self.step.width().map_or(from, |width| from.floor_to(width));
                    self.next = Next::Rows { from, after: None };
                    self.columns.header()
                }
                Next::Rows { from, .. } if from >= self.to || self.columns.metrics().is_empty() => return Ok(None),
                Next::Rows { from, after } => self.rows(from, after).await.map_err(|problem| {
                    // The head of the answer is gone; to end the connection early is all that can be said.
                    tracing::error!(error = ?problem, "an export could not be finished");
                    io::Error::other("the export could not be finished")
                })?,
                Next::End => return Ok(None),
            };
            if !part.is_empty() {
                return Ok(Some((part.into(), self)));
            }
        }
    }

    async fn rows(&mut self, from: Timestamp, after: Option<Timestamp>) -> Result<String, Problem> {
        let mut part = String::new();
        let Some(width) = self.step.width() else {
            let rows = self.store.readings(self.node, from, self.to, after, READINGS_AT_ONCE).await?.unwrap_or_default();
            for row in &rows {
                self.columns.reading(&mut part, row.at, &row.metrics);
            }
            let last = rows.last().filter(|_| rows.len() == READINGS_AT_ONCE as usize);
            self.next = last.map_or(Next::End, |row| Next::Rows { from, after: Some(row.at) });
            return Ok(part);
        };
        let end = from.floor_to(DAY).plus(window(width)).min(self.to);
        for (at, rollup) in buckets::summaries(&self.store, self.node, self.step, from, end).await? {
            self.columns.summary(&mut part, at, &rollup);
        }
        self.next = Next::Rows { from: end, after: None };
        Ok(part)
    }
}

/// Returns for how long a part is summarised at once: whole days, about a thousand rows.
fn window(width: Duration) -> Duration {
    if width < HOUR {
        DAY
    } else if width < DAY {
        DAY * 40
    } else {
        DAY * 1_000
    }
}
