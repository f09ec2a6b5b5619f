//! What was on the air and what people were shown, for whoever wants to know whether anything was sent twice.

use kosmo_domain::{NodeId, PacketId, Timestamp};
use std::fmt::Write as _;

/// One transmission: a packet as one node put it on the air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnAir {
    /// When it began.
    pub at: Timestamp,
    /// The node that transmitted: the packet's sender, a relay, or whoever pretends to be one.
    pub sender: NodeId,
    /// The node that the packet says it is from.
    pub from: NodeId,
    /// The packet's id.
    pub id: PacketId,
    /// Whom it is for.
    pub to: NodeId,
    /// Its port; 0 if it is encrypted for others.
    pub port: u32,
    /// The packet that it acknowledges, refuses or answers.
    pub about: Option<PacketId>,
    /// How many relays it came through before.
    pub hop: u32,
    /// The nodes that received it, whether or not it was new to them or for them.
    pub hearers: Vec<NodeId>,
}

impl OnAir {
    /// Returns it as one line of JSON, without the line's end.
    pub fn json_line(&self) -> String {
        let Self { at, sender, from, id, to, port, about, hop, hearers } = self;
        let mut line = format!(
            r#"{{"at":"{at}","sender":"{sender}","from":"{from}","id":{},"to":"{to}","port":{port},"about":{},"hop":{hop},"hearers":["#,
            id.0,
            about.map_or_else(|| "null".to_owned(), |about| about.0.to_string()),
        );
        for (index, hearer) in hearers.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(line, r#"{comma}"{hearer}""#);
        }
        line.push_str("]}");
        line
    }
}

/// A text that a person was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// When.
    pub at: Timestamp,
    /// Whom their device names as the sender.
    pub from: NodeId,
    /// The packet's id.
    pub id: PacketId,
    /// Whether it was for them alone.
    pub direct: bool,
    /// The packet that it answers.
    pub reply_to: Option<PacketId>,
    /// The text, with what is not UTF-8 replaced.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transmission_is_a_line_of_json() {
        let node = NodeId::from_number;
        let on_air = OnAir {
            at: Timestamp::from_unix_seconds(60),
            sender: node(0xa),
            from: node(0xb),
            id: PacketId(7),
            to: NodeId::BROADCAST,
            port: 1,
            about: None,
            hop: 2,
            hearers: vec![node(0xc), node(0xd)],
        };
        let line = r#"{"at":"1970-01-01T00:01:00Z","sender":"!0000000a","from":"!0000000b","id":7,"to":"!ffffffff","port":1,"about":null,"hop":2,"hearers":["!0000000c","!0000000d"]}"#;
        assert_eq!(on_air.json_line(), line);
        assert!(OnAir { about: Some(PacketId(9)), ..on_air }.json_line().contains(r#""about":9,"#));
    }
}
