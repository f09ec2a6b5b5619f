//! What the cloud answers to a bridge.

use crate::{parse::at_most, record::V1, schema, text::Text};
use kosmo_domain::{BridgeId, Epoch, SeqSet, Stream};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeSeq as _};
use uuid::Uuid;

/// The most ranges of sequence numbers in one answer.
pub const MAX_RANGES: usize = 1000;

/// An answer to one bridge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ack {
    /// Version of the payload.
    #[schemars(with = "schema::Version")]
    pub v: V1,
    /// The bridge it is for; the same as in the topic.
    #[schemars(with = "schema::BridgeIdText")]
    pub bridge: BridgeId,
    /// What it says.
    pub body: AckBody,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AckBody {
    /// These records need not be kept any longer. Numbers are named one by one or as ranges, never as "all up to".
    Records {
        /// The life of the spool that the numbers belong to; an answer to another life is none.
        #[schemars(with = "schema::UuidText")]
        epoch: Epoch,
        /// The stream.
        #[schemars(with = "schema::StreamText")]
        stream: Stream,
        /// Stored for good, now or before.
        #[serde(default)]
        committed: Ranges,
        /// Refused for good; kept on the server as they came, with the reason.
        #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "at_most::<_, _, 500>")]
        #[schemars(length(max = 500))]
        rejected: Vec<Rejection>,
    },
    /// The bridge's claim was granted: this bridge, and no other, may give the text to its radio.
    Granted {
        /// The message.
        #[schemars(with = "schema::UuidText")]
        message_id: Uuid,
    },
    /// The bridge may not, or may no longer, give the text to its radio.
    Revoked {
        /// The message.
        #[schemars(with = "schema::UuidText")]
        message_id: Uuid,
    },
    /// The text's writer takes it back. If the bridge surely never gave it to a radio, it says so, and never will; if it did, it says
    /// nothing that it has not said.
    Cancelled {
        /// The message.
        #[schemars(with = "schema::UuidText")]
        message_id: Uuid,
    },
}

/// One record that was refused, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rejection {
    /// Its sequence number.
    pub seq: u64,
    /// The reason's stable code.
    pub code: Text<64>,
}

/// Sequence numbers as inclusive ranges: `[[1,40],[42,42]]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ranges(pub SeqSet);

impl Serialize for Ranges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.range_count()))?;
        for range in self.0.ranges() {
            list.serialize_element(&(range.start(), range.end()))?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Ranges {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ranges = Vec::<(u64, u64)>::deserialize(deserializer)?;
        if ranges.len() > MAX_RANGES {
            return Err(de::Error::custom(format_args!("{} ranges, where at most {MAX_RANGES} are allowed", ranges.len())));
        }
        Ok(Self(SeqSet::from_ranges(ranges)))
    }
}

impl JsonSchema for Ranges {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Ranges".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schema::RangeList::json_schema(generator)
    }
}
