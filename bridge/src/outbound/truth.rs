//! What really happened to each text of a play, and the rules of what may be told of it.

use crate::{
    outbound::{
        Changes, RowStage,
        play::{ANA, Play, id},
    },
    record::Body,
};
use kosmo_contract::{Evidence, NotSentReason, Priority};
use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{evidence::Sent, outgoing::packet_id};
use std::{collections::BTreeSet, time::Duration};
use uuid::Uuid;

/// What really happened to a text.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are facts, independent of each other")]
pub(super) struct Truth {
    pub(super) deadline: Option<Duration>,
    pub(super) claimed: bool,
    pub(super) granted: bool,
    /// Whether the grant is on disk.
    pub(super) is_held: bool,
    /// Every packet written for it: what, and when it was first.
    pub(super) written: Vec<(Sent, Duration)>,
    pub(super) on_air: BTreeSet<(NodeId, PacketId)>,
    /// What its addressee confirmed, and what the radio or the addressee said against it.
    pub(super) acknowledged: bool,
    pub(super) relayed: bool,
    pub(super) refused: BTreeSet<u32>,
    pub(super) receipts: Vec<Evidence>,
    /// Whose it is, and what goes first.
    pub(super) member: u8,
    pub(super) priority: Priority,
    /// Whether its writer took it back.
    pub(super) cancelled: bool,
}

impl Play {
    /// What is committed is on disk, and what it tells is judged.
    pub(super) fn commit(&mut self, changes: Changes) {
        for row in changes.rows {
            let is_held = !matches!(row.stage, RowStage::Claimed | RowStage::NotSent { told: false, .. });
            self.truth.get_mut(&row.message_id).expect("what is on disk was offered").is_held |= is_held;
            self.disk.insert(row.message_id, row);
        }
        for gone in changes.gone {
            self.disk.remove(&gone);
        }
        for receipt in changes.receipts {
            let Body::Receipt(body) = receipt.body else { panic!("only receipts are told") };
            self.note_receipt(body.message_id, body.evidence);
        }
    }

    /// The rules of what may be told.
    fn note_receipt(&mut self, message_id: Uuid, evidence: Evidence) {
        let truth = self.truth.get_mut(&message_id).expect("nothing is told of what was never offered");
        let is_on_air = |packet_id: &PacketId| truth.on_air.iter().any(|(_, id)| id == packet_id);
        match &evidence {
            Evidence::Claimed => truth.claimed = true,
            Evidence::Waiting { .. } => assert!(truth.granted),
            Evidence::HandedOver { attempt, packet_id: given, .. } => {
                assert_eq!(*given, packet_id(message_id.as_u128(), *attempt));
                assert!(truth.granted, "given to the radio without a grant");
                assert!(truth.on_air.iter().all(|(_, id)| id == given), "another attempt, and one before was sent");
                assert!(!truth.receipts.iter().any(|told| matches!(told, Evidence::NotSent { .. })), "given up, and sent after all");
            }
            Evidence::Transmitted { packet_id } => assert!(is_on_air(packet_id), "told as sent, and never was"),
            Evidence::Relayed { packet_id } => assert!(is_on_air(packet_id) && truth.relayed),
            Evidence::Acknowledged { packet_id, by, .. } => assert!(is_on_air(packet_id) && truth.acknowledged && *by == ANA),
            Evidence::Refused { code, .. } => assert!(truth.refused.contains(code)),
            Evidence::NotSent { reason } => {
                assert!(truth.on_air.is_empty() && truth.granted, "told as not sent, and it was");
                assert!(*reason != NotSentReason::Cancelled || truth.cancelled, "taken back by nobody");
            }
            Evidence::Unconfirmed { packet_id } => {
                assert!(is_on_air(packet_id));
                let is_known = |told: &Evidence| matches!(told, Evidence::Acknowledged { .. } | Evidence::Refused { .. });
                assert!(!truth.receipts.iter().any(is_known), "missed although something came: {:?}", truth.receipts);
                assert!(truth.written.iter().all(|(_, at)| self.elapsed >= *at + Duration::from_mins(1)), "missed too soon");
            }
            Evidence::Unknown => assert!(!truth.receipts.is_empty()),
        }
        let is_repeatable = matches!(evidence, Evidence::Claimed | Evidence::Waiting { .. } | Evidence::HandedOver { .. });
        // A cloud that granted it once grants it again.
        let is_lost = evidence == Evidence::Claimed && truth.granted;
        assert!(is_repeatable || !truth.receipts.contains(&evidence), "told twice: {evidence:?}");
        truth.receipts.push(evidence);
        if is_lost {
            self.grants_lost.push(message_id);
        }
    }

    /// The packet of a text that is on the air.
    pub(super) fn on_air(&self, number: u8) -> Option<Sent> {
        let truth = self.truth.get(&id(number))?;
        truth.written.iter().map(|(sent, _)| *sent).find(|sent| truth.on_air.contains(&(sent.radio, sent.packet_id)))
    }

    /// What was told of a text besides claims and hand-overs.
    pub(super) fn told(&self, number: u8) -> Vec<Evidence> {
        let told = self.truth[&id(number)].receipts.iter();
        told.filter(|told| !matches!(told, Evidence::Claimed | Evidence::HandedOver { .. })).cloned().collect()
    }

    pub(super) fn attempts(&self, number: u8) -> Vec<u8> {
        let told = self.truth[&id(number)].receipts.iter();
        told.filter_map(|told| if let Evidence::HandedOver { attempt, .. } = told { Some(*attempt) } else { None }).collect()
    }

    pub(super) fn times_written(&self, number: u8) -> usize {
        self.truth.get(&id(number)).map_or(0, |truth| truth.written.len())
    }
}
