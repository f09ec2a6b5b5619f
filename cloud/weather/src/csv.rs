//! Comma-separated values as RFC 4180 has them, which no spreadsheet takes for formulas.

use kosmo_domain::{Aggregate, Metric, Metrics, NodeId, Rollup, Timestamp};
use std::fmt::Write as _;

/// What a spreadsheet takes for the beginning of a formula, in full width as well.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// The columns of a history, and the fields that are the same in every row.
pub(crate) struct Columns {
    metrics: Vec<Metric>,
    summarised: bool,
    /// Node id and name, ready to be written.
    who: String,
}

impl Columns {
    /// Returns the columns of these metrics, summarised or reading by reading. The name is whatever the node's owner typed.
    pub(crate) fn new(node: NodeId, name: Option<&str>, metrics: Vec<Metric>, summarised: bool) -> Self {
        Self { metrics, summarised, who: format!("{node},{}", text(name.unwrap_or_default())) }
    }

    /// Returns the metrics that have columns.
    pub(crate) fn metrics(&self) -> &[Metric] {
        &self.metrics
    }

    /// Returns the line that names the columns; units end the names of metrics, and what became of the values follows.
    pub(crate) fn header(&self) -> String {
        let mut line = "time_utc,node_id,name".to_owned();
        for metric in &self.metrics {
            if self.summarised {
                for part in parts(metric.spec().aggregate) {
                    let _ = write!(line, ",{metric}_{part}");
                }
            } else {
                let _ = write!(line, ",{metric}");
            }
        }
        line + if self.summarised { ",readings\r\n" } else { "\r\n" }
    }

    /// Writes a reading; nothing if it has none of the metrics.
    pub(crate) fn reading(&self, out: &mut String, at: Timestamp, values: &Metrics) {
        if self.metrics.iter().any(|metric| values.get(*metric).is_some()) {
            let _ = write!(out, "{at},{}", self.who);
            for metric in &self.metrics {
                number(out, *metric, values.get(*metric));
            }
            out.push_str("\r\n");
        }
    }

    /// Writes a summary; nothing if it has none of the metrics.
    pub(crate) fn summary(&self, out: &mut String, at: Timestamp, rollup: &Rollup) {
        if self.metrics.iter().all(|metric| rollup.get(*metric).is_none()) {
            return;
        }
        let _ = write!(out, "{at},{}", self.who);
        for metric in &self.metrics {
            let stats = rollup.get(*metric);
            number(out, *metric, stats.and_then(kosmo_domain::Stats::primary));
            if metric.spec().aggregate == Aggregate::Mean {
                number(out, *metric, stats.and_then(kosmo_domain::Stats::min));
                number(out, *metric, stats.and_then(kosmo_domain::Stats::max));
            }
        }
        let _ = write!(out, ",{}\r\n", rollup.readings());
    }
}

/// Returns what is told of a metric that combines like this.
const fn parts(aggregate: Aggregate) -> &'static [&'static str] {
    match aggregate {
        Aggregate::Mean => &["mean", "min", "max"],
        Aggregate::Max => &["max"],
        Aggregate::Min => &["min"],
        Aggregate::Vector => &["mean"],
        Aggregate::Increment => &["sum"],
        Aggregate::Counter => &["growth"],
        Aggregate::Rolling => &["last"],
    }
}

fn number(out: &mut String, metric: Metric, value: Option<f64>) {
    out.push(',');
    if let Some(value) = value {
        let _ = write!(out, "{}", crate::views::rounded(metric, value));
    }
}

/// Returns text from outside as a field: quoted where it must be, in one line, and with an apostrophe before what a
/// spreadsheet would take for a formula.
fn text(raw: &str) -> String {
    let line: String = raw.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // Spreadsheets pass over blanks, and over characters that show nothing, before they look for a formula.
    let unseen = |c: char| {
        c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let defused = if line.trim_start_matches(unseen).starts_with(FORMULA) { format!("'{line}") } else { line };
    if defused.contains([',', '"']) || defused.trim() != defused { format!("\"{}\"", defused.replace('"', "\"\"")) } else { defused }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_field_in_one_line_and_no_formula() {
        for (name, expect) in [
            ("Roof", "Roof"),
            ("Roof, east", "\"Roof, east\""),
            ("the \"roof\"", "\"the \"\"roof\"\"\""),
            ("two\r\nlines", "two  lines"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "' =1"),
            ("\u{200b}=1", "'\u{200b}=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            (" a", "\" a\""),
            ("<b>Žluťoučký 🌧</b>", "<b>Žluťoučký 🌧</b>"),
            ("", ""),
        ] {
            assert_eq!(text(name), expect, "{name:?}");
        }
    }
}
