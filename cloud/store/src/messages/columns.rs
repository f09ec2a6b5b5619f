//! How what is known of a message lies in its row.

use crate::{
    Error, Result,
    types::{At, unsigned},
};
use kosmo_domain::{BridgeId, Charge, DeliveryEvidence, Facts, NotSent, RefusedBy, Status, Timestamp};

/// The columns of [`Facts`].
#[derive(sqlx::FromRow)]
pub(super) struct FactColumns {
    offered_at: Option<At>,
    granted_at: Option<At>,
    granted_bridge: Option<String>,
    handed_over_at: Option<At>,
    transmitted_at: Option<At>,
    relayed_at: Option<At>,
    delivered_at: Option<At>,
    delivery_evidence: Option<String>,
    answered_at: Option<At>,
    refused_at: Option<At>,
    refused_code: Option<i64>,
    refused_by: Option<String>,
    unconfirmed_at: Option<At>,
    not_sent_at: Option<At>,
    not_sent_reason: Option<String>,
    unknown_at: Option<At>,
}

impl TryFrom<FactColumns> for Facts {
    type Error = Error;

    fn try_from(row: FactColumns) -> Result<Self> {
        let granted = both(row.granted_at, row.granted_bridge.as_deref().map(parse_bridge).transpose()?);
        let evidence = row.delivery_evidence.as_deref().map(parse_evidence).transpose()?;
        let refused = match both(row.refused_at, row.refused_code.map(parse_code).transpose()?) {
            Some((at, code)) => Some((at, code, parse_refused_by(row.refused_by.as_deref(), code)?)),
            None => None,
        };
        let reason = row.not_sent_reason.as_deref().map(parse_not_sent).transpose()?;
        Ok(Self {
            offered_at: row.offered_at.map(Timestamp::from),
            granted,
            handed_over_at: row.handed_over_at.map(Timestamp::from),
            transmitted_at: row.transmitted_at.map(Timestamp::from),
            relayed_at: row.relayed_at.map(Timestamp::from),
            delivered: both(row.delivered_at, evidence).map(|(at, evidence)| (evidence, at)),
            answered_at: row.answered_at.map(Timestamp::from),
            refused,
            unconfirmed_at: row.unconfirmed_at.map(Timestamp::from),
            not_sent: both(row.not_sent_at, reason),
            unknown_at: row.unknown_at.map(Timestamp::from),
        })
    }
}

/// Puts together what two columns say, which are null together.
fn both<T>(at: Option<At>, what: Option<T>) -> Option<(Timestamp, T)> {
    at.map(Timestamp::from).zip(what)
}

pub(super) fn parse_status(name: &str) -> Result<Status> {
    name.parse().map_err(|_| Error::Corrupt(format!("{name:?} is no status")))
}

pub(super) fn parse_charge(name: &str) -> Result<Charge> {
    name.parse().map_err(|_| Error::Corrupt(format!("{name:?} is no charge")))
}

pub(super) fn parse_bridge(name: &str) -> Result<BridgeId> {
    name.parse().map_err(|_| Error::Corrupt(format!("{name:?} is no bridge id")))
}

pub(super) fn parse_evidence(name: &str) -> Result<DeliveryEvidence> {
    name.parse().map_err(|_| Error::Corrupt(format!("{name:?} is no evidence")))
}

pub(super) fn parse_not_sent(name: &str) -> Result<NotSent> {
    name.parse().map_err(|_| Error::Corrupt(format!("{name:?} is no reason for not sending")))
}

/// Reads who answered with an error. Of what was stored before that was, it is told by the number: a bridge tells of what its own radio
/// refuses at the door as not sent, so that of these it is the destination that spoke.
pub(super) fn parse_refused_by(name: Option<&str>, code: u32) -> Result<RefusedBy> {
    match name {
        Some(name) => name.parse().map_err(|_| Error::Corrupt(format!("{name:?} is nobody who answers with an error"))),
        None if matches!(code, 6 | 33 | 34 | 35) => Ok(RefusedBy::Destination),
        None => Ok(RefusedBy::Radio),
    }
}

pub(super) fn parse_code(code: i64) -> Result<u32> {
    let code = unsigned(code, "a code")?;
    u32::try_from(code).map_err(|_| Error::Corrupt(format!("{code} is no code of an error")))
}

pub(super) fn parse_packet(id: i64) -> Result<kosmo_domain::PacketId> {
    parse_code(id).map(kosmo_domain::PacketId)
}
