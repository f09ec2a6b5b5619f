//! Texts from members to nodes, what became of each, and texts from nodes to members.
//!
//! - [`accept`](Store::accept_message): a text, its quota and its way to the bridges are stored in one transaction;
//! - [`grant`](Store::grant): one bridge, and no other, may give it to its radio;
//! - [`add_facts`](Store::add_facts): what becomes known of it, in whatever order; its status and its charge follow;
//! - [`commit_gateway_batch`](Store::commit_gateway_batch): all of this as bridges tell it, each record once;
//! - [`cancel`](Store::cancel_message): a text is taken back as long as no radio can have it;
//! - [`confirm_key`](Store::confirm_key): texts to a node that shows another key wait for their writer's word;
//! - conversations, the operators' inbox, and the quota, as they are shown.
//!
//! Each use-case locks the rows of the members it is about, in the order of their ids, before anything else of theirs.

mod accept;
mod batch;
mod cancel;
mod chat;
mod columns;
mod conversations;
mod events;
mod facts;
mod follow;
mod grants;
mod idempotency;
mod imported;
mod inbound;
mod inbox;
mod keys;
mod offers;
mod overheard;
mod packets;
mod quota;
mod receipts;
mod restored;
mod retention;
mod routes;
mod rows;
mod timeline;

pub(crate) use crate::messages::overheard::overhear;
pub use crate::messages::{
    accept::{AcceptError, Accepted, IdempotencyKey, MAX_KEY, NewMessage, OFFER_JOB},
    batch::{Effect, GatewayBody, GatewayOutcome, GatewayRecord, NOT_DESTINATION, NOT_GRANTED, UNKNOWN_MESSAGE},
    cancel::{CANCEL_EVERY, Cancelled},
    chat::{Audience, ChannelName, ChannelText, NewChannelText},
    conversations::{Conversation, PageFrom, ReadMark, Said},
    events::{EventKind, MemberEvent},
    facts::{Change, Teller},
    follow::{Followed, OwnEvent},
    grants::Grant,
    imported::ImportedText,
    inbound::{InboundText, Routed},
    keys::{Confirmed, NodeContact, NodeKey},
    offers::{OFFER_EVERY, SETTLE_AFTER},
    overheard::OverheardText,
    packets::SentPacket,
    quota::Quota,
    receipts::{Receipt, WaitReason},
    retention::{KeepMessages, PurgedMessages},
    routes::{ROUTE_EVERY, RouteRequest, RouteWanted},
    rows::{InboundRow, MessageRow},
    timeline::{Happening, TimelineEntry},
};
