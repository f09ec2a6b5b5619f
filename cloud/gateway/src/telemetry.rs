//! The names of what the gateway counts.

/// Texts that members posted, by outcome: `accepted`, `repeated`, or the code of the refusal.
pub(crate) const POSTED: &str = "gateway_posted_texts_total";
/// Offers published, by outcome: `taken`, `failed`.
pub(crate) const OFFERS: &str = "gateway_offers_total";
/// Claims of bridges, by outcome: `granted`, `granted_again`, `revoked`.
pub(crate) const CLAIMS: &str = "gateway_claims_total";
/// Texts heard on the mesh, by whom they are for: `answer`, `correspondent`, `operators`; or `duplicate`, or `chatter`, for nobody.
pub(crate) const INBOUND: &str = "gateway_inbound_texts_total";
/// Texts whose time ran out, by outcome: `not_sent`, `unknown`.
pub(crate) const EXPIRED: &str = "gateway_expired_texts_total";
/// Messages taken from the broker, by kind of topic.
pub(crate) const MESSAGES: &str = "gateway_messages_total";
/// Records answered for, by outcome: `committed`, `duplicate`, `rejected`.
pub(crate) const RECORDS: &str = "gateway_records_total";
/// What was refused of what bridges published, by the code of the reason.
pub(crate) const REJECTS: &str = "gateway_rejects_total";
/// How many messages were committed at once.
pub(crate) const BATCH_SIZE: &str = "gateway_batch_size";
/// How long commits took.
pub(crate) const COMMIT_SECONDS: &str = "gateway_commit_seconds";
/// Commits that the database could not do at the time.
pub(crate) const COMMIT_FAILURES: &str = "gateway_commit_failures_total";
/// Messages taken and not yet answered for.
pub(crate) const PENDING: &str = "gateway_pending_messages";
/// Streams of live events that are open.
pub(crate) const STREAMS: &str = "gateway_streams";
/// Public events that were left out for clients that read too slowly.
pub(crate) const BEHIND: &str = "gateway_streams_behind_total";
/// Answers to bridges that could not be published; the bridges ask again.
pub(crate) const ACK_FAILURES: &str = "gateway_ack_failures_total";
