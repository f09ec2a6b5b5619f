//! The names of what ingestion counts.

/// Messages taken from the broker, by kind of topic.
pub(crate) const MESSAGES: &str = "kosmo_ingestion_messages_total";
/// Records answered for, by outcome: `committed`, `duplicate`, `rejected`, and `withheld` of private channels.
pub(crate) const RECORDS: &str = "kosmo_ingestion_records_total";
/// What was refused, in whole or in part, by the code of the reason.
pub(crate) const REJECTS: &str = "kosmo_ingestion_rejects_total";
/// How many messages were committed at once.
pub(crate) const BATCH_SIZE: &str = "kosmo_ingestion_batch_size";
/// How long commits took.
pub(crate) const COMMIT_SECONDS: &str = "kosmo_ingestion_commit_seconds";
/// Commits that the database could not do at the time.
pub(crate) const COMMIT_FAILURES: &str = "kosmo_ingestion_commit_failures_total";
/// Messages taken and not yet answered for.
pub(crate) const PENDING: &str = "kosmo_ingestion_pending_messages";
/// Acknowledgements that could not be published; the bridges ask again.
pub(crate) const ACK_FAILURES: &str = "kosmo_ingestion_ack_failures_total";
/// Packets that were left out of the log because there were too many, or the database had no time for them.
pub(crate) const UNLOGGED: &str = "kosmo_ingestion_unlogged_packets_total";
