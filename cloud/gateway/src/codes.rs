//! The closed lists of codes in answers, as the document of the API names them: the page has words for each, in each language, and
//! does not compile without.
#![expect(dead_code, reason = "they describe answers; what is answered comes from the types that decide it")]

use utoipa::ToSchema;

/// How a text stands.
#[derive(ToSchema)]
#[schema(as = Status, rename_all = "snake_case")]
pub(crate) enum Status {
    Pending,
    Queued,
    Transmitted,
    Delivered,
    Failed,
    Expired,
}

/// What a text waits for.
#[derive(ToSchema)]
#[schema(as = WaitReason, rename_all = "snake_case")]
pub(crate) enum WaitReason {
    Broker,
    Bridge,
    Sending,
    Turn,
    Radio,
    RadioQueue,
    DutyCycle,
    Channel,
    Airtime,
}

/// What proves that a text arrived.
#[derive(ToSchema)]
#[schema(as = Evidence, rename_all = "snake_case")]
pub(crate) enum Evidence {
    Ack,
    AckProven,
    Reply,
}

/// What became of a text whose time ran out.
#[derive(ToSchema)]
#[schema(as = Outcome, rename_all = "snake_case")]
pub(crate) enum Outcome {
    NotSent,
    Unknown,
}

/// What became of a text's quota.
#[derive(ToSchema)]
#[schema(as = Charge, rename_all = "snake_case")]
pub(crate) enum Charge {
    Reserved,
    Committed,
    Released,
}

/// Something that became known of a text.
#[derive(ToSchema)]
#[schema(as = HappeningEvent, rename_all = "snake_case")]
pub(crate) enum Event {
    Accepted,
    Offered,
    Granted,
    HandedOver,
    Transmitted,
    Relayed,
    Delivered,
    Answered,
    Refused,
    NotSent,
    Unknown,
}

/// Why a bridge may not have listened.
#[derive(ToSchema)]
#[schema(as = GapReason, rename_all = "snake_case")]
pub(crate) enum GapReason {
    Radio,
    Stopped,
    Silent,
}
