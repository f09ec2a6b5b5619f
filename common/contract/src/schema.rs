//! JSON Schemas of the payloads, and of the plain texts within them.

use crate::{Ack, InboundBody, NodeBody, Offer, ReadingBody, ReceiptBody, Record, Request, Status};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use std::borrow::Cow;

/// Returns every payload's JSON Schema (draft 2020-12) under the name of its file in `schemas/`.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    fn of<T: JsonSchema>() -> Schema {
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
    }
    vec![
        ("reading", of::<Record<ReadingBody>>()),
        ("node", of::<Record<NodeBody>>()),
        ("inbound", of::<Record<InboundBody>>()),
        ("receipt", of::<Record<ReceiptBody>>()),
        ("outbound", of::<Offer>()),
        ("status", of::<Status>()),
        ("ack", of::<Ack>()),
        ("request", of::<Request>()),
    ]
}

macro_rules! plain_schema {
    ($($(#[$doc:meta])* $name:ident = $schema:tt;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

plain_schema! {
    /// The version every payload carries.
    Version = { "const": 1 };
    /// A node id.
    NodeIdText = { "type": "string", "pattern": "^![0-9a-f]{8}$" };
    /// A bridge id.
    BridgeIdText = { "type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,31}$" };
    /// A stream.
    StreamText = { "enum": ["ingest", "gateway"] };
    /// A UUID.
    UuidText = { "type": "string", "format": "uuid" };
    /// A point in time.
    Time = { "type": "string", "format": "date-time" };
    /// Sequence numbers as inclusive ranges.
    RangeList = {
        "type": "array",
        "maxItems": 1000,
        "items": { "type": "array", "prefixItems": [{ "type": "integer", "minimum": 0 }, { "type": "integer", "minimum": 0 }], "minItems": 2, "maxItems": 2 }
    };
    /// Values by the name of their metric. What a sensor sent that is no number travels as its name.
    ValueMap = {
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": { "anyOf": [{ "type": "number" }, { "enum": ["NaN", "Infinity", "-Infinity"] }] }
    };
}
