//! The newest value of each metric of each node: one row per node, so that a map of all of them is one small table.

use crate::{
    Error, Result, Store,
    db::{Tx, TxDb, json_list, on_reader},
    types::{At, Node},
    weather::{
        MAX_PAGE,
        views::{Latest, LatestValue},
    },
};
use kosmo_domain::{Metric, NodeId, Timestamp, Trust};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, collections::BTreeMap, fmt};

/// A value that is the newest of its metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Value {
    pub(crate) number: f64,
    pub(crate) at: Timestamp,
    pub(crate) trust: Trust,
}

/// The newest values of a node. As a column it is a JSON object of metric to `[value, microseconds since 1970, trust]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Values(BTreeMap<Metric, Value>);

impl Values {
    /// Takes in a value, unless a newer one is known, or one of the same time that can be trusted more.
    pub(crate) fn add(&mut self, metric: Metric, value: Value) {
        let known = self.0.entry(metric).or_insert(value);
        if (value.at, value.trust) >= (known.at, known.trust) {
            *known = value;
        }
    }

    /// Takes in the values of another node that turned out to be the same.
    pub(crate) fn add_all(&mut self, other: &Self) {
        for (metric, value) in &other.0 {
            self.add(*metric, *value);
        }
    }

    /// Forgets what is dated after this.
    pub(crate) fn forget_after(&mut self, latest: Timestamp) {
        self.0.retain(|_, value| value.at <= latest);
    }

    /// Tells whether there is no value.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn newest(&self) -> Option<Timestamp> {
        self.0.values().map(|value| value.at).max()
    }

    /// Reads the values out of their column, in the order of the metric table.
    pub(crate) fn read(json: &str) -> Result<Vec<LatestValue>> {
        let value = |(metric, Value { number, at, .. })| LatestValue { metric, value: number, at };
        Ok(Self::parse(json)?.0.into_iter().map(value).collect())
    }

    fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| Error::Corrupt(format!("the latest values of a node cannot be read: {error}")))
    }

    /// Reads the values of nodes, by internal id, that a transaction is about to change.
    pub(crate) async fn load(tx: &mut Tx, nodes: &[i64]) -> Result<BTreeMap<i64, Self>> {
        let rows: Vec<(i64, String)> = match &mut tx.db {
            TxDb::Sqlite(tx) => {
                const SQL: &str = "select node, metrics from latest where node in (select value from json_each($1))";
                let nodes = json_list(nodes);
                sqlx::query_as(SQL).bind(nodes).fetch_all(&mut **tx).await?
            }
            TxDb::Postgres(tx) => {
                const SQL: &str = "select node, metrics from latest where node = any($1) order by node for update";
                sqlx::query_as(SQL).bind(nodes).fetch_all(&mut **tx).await?
            }
        };
        rows.into_iter().map(|(node, json)| Ok((node, Self::parse(&json)?))).collect()
    }

    /// Writes the values of nodes, each of which has at least one.
    pub(crate) async fn save(tx: &mut Tx, latest: &BTreeMap<i64, Self>) -> Result<()> {
        let rows = latest.iter().filter_map(|(node, values)| {
            let json = serde_json::to_string(values).expect("numbers by name are always JSON");
            Some((*node, values.newest()?, json))
        });
        match &mut tx.db {
            TxDb::Sqlite(tx) => {
                const SQL: &str = "insert into latest (node, at, metrics)
                                   select value ->> 0, value ->> 1, value ->> 2 from json_each($1) where true
                                   on conflict (node) do update set at = excluded.at, metrics = excluded.metrics";
                let rows: Vec<_> = rows.map(|(node, at, json)| (node, at.as_micros(), json)).collect();
                let rows = serde_json::to_string(&rows).expect("numbers and texts are always JSON");
                sqlx::query(SQL).bind(rows).execute(&mut **tx).await?;
            }
            TxDb::Postgres(tx) => {
                const SQL: &str = "insert into latest (node, at, metrics)
                                   select * from unnest($1::bigint[], $2::timestamptz[], $3::text[])
                                   on conflict (node) do update set at = excluded.at, metrics = excluded.metrics";
                let (mut nodes, mut times, mut texts) = (Vec::new(), Vec::new(), Vec::new());
                for (node, at, json) in rows {
                    nodes.push(node);
                    times.push(At(at));
                    texts.push(json);
                }
                sqlx::query(SQL).bind(nodes).bind(times).bind(texts).execute(&mut **tx).await?;
            }
        }
        Ok(())
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(metric, v)| (metric.name(), (v.number, v.at.as_micros(), v.trust as i8))))
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Values;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[value, microseconds, trust] by the name of its metric")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> std::result::Result<Values, A::Error> {
                let mut values = Values::default();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    let (number, micros, trust): (f64, i64, i8) = map.next_value()?;
                    // A metric that the table no longer has is passed over.
                    let Ok(metric) = name.parse() else { continue };
                    let at = Timestamp::from_micros(micros).map_err(de::Error::custom)?;
                    values.0.insert(metric, Value { number, at, trust: crate::weather::columns::trust(i16::from(trust)) });
                }
                Ok(values)
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl Store {
    /// Returns the newest values of a node, or of nodes that have any, by mesh id and no more than [`MAX_PAGE`].
    ///
    /// # Errors
    /// As the database does.
    pub async fn latest(&self, node: Option<NodeId>) -> Result<Vec<Latest>> {
        const ONE: &str = "select n.node_id, l.at, l.metrics from latest l join nodes n on n.id = l.node where l.node = $1";
        let Some(node) = node else { return self.latest_page(None, MAX_PAGE).await };
        let Some(id) = self.internal_id(node).await? else { return Ok(Vec::new()) };
        let rows: Vec<(Node, At, String)> = on_reader!(self, |db| sqlx::query_as(ONE).bind(id).fetch_all(db))?;
        rows.into_iter().map(latest).collect()
    }

    /// Returns the newest values of the nodes that have any, by mesh id: of at most `limit` nodes that come after `after`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn latest_page(&self, after: Option<NodeId>, limit: u32) -> Result<Vec<Latest>> {
        const SQL: &str = "select n.node_id, l.at, l.metrics
                             from nodes n
                             join latest l on l.node = n.id
                            where n.node_id > $1 and n.hidden = 0
                            order by n.node_id
                            limit $2";
        let after = after.map_or(-1, |node| i64::from(node.number()));
        let rows: Vec<(Node, At, String)> =
            on_reader!(self, |db| sqlx::query_as(SQL).bind(after).bind(i64::from(limit.min(MAX_PAGE))).fetch_all(db))?;
        rows.into_iter().map(latest).collect()
    }
}

fn latest((node, at, json): (Node, At, String)) -> Result<Latest> {
    Ok(Latest { node: node.0, at: at.0, values: Values::read(&json)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_is_the_same_after_any_number_of_changes_to_others(number in -1.0e6..1.0e6_f64) {
            let mut values = Values::default();
            values.add(Metric::Temperature, value(number, 1, Trust::Claimed));
            let json = serde_json::to_string(&values).unwrap();
            prop_assert_eq!(Values::parse(&json).unwrap(), values);
        }
    }

    fn value(number: f64, second: u32, trust: Trust) -> Value {
        Value { number, at: Timestamp::from_unix_seconds(second), trust }
    }

    #[test]
    fn the_newest_value_wins_and_at_the_same_time_the_more_trusted_one() {
        let mut values = Values::default();
        values.add(Metric::Humidity, value(50.0, 100, Trust::Hmac));
        for (other, expect) in [
            (value(51.0, 99, Trust::Hmac), 50.0),
            (value(52.0, 100, Trust::Claimed), 50.0),
            (value(53.0, 100, Trust::Hmac), 53.0),
            (value(54.0, 101, Trust::Claimed), 54.0),
        ] {
            values.add(Metric::Humidity, other);
            assert_eq!(values.0[&Metric::Humidity].number.total_cmp(&expect), std::cmp::Ordering::Equal);
        }
    }

    #[test]
    fn values_survive_their_column_and_unknown_metrics_are_passed_over() {
        let mut values = Values::default();
        values.add(Metric::Temperature, value(-0.1, 1_780_000_000, Trust::ApiKey));
        let json = serde_json::to_string(&values).unwrap();
        assert_eq!(json, r#"{"temperature_c":[-0.1,1780000000000000,1]}"#);
        assert_eq!(Values::parse(&json).unwrap(), values);
        assert!(Values::parse(r#"{"of_yore":[1,2,0]}"#).unwrap().is_empty());
        assert!(Values::parse("[").is_err());
    }
}
