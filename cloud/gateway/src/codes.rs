//! The closed lists of codes in answers, as the document of the API names them: the page has words for each, in each language, and
//! does not compile without.
#![expect(dead_code, reason = "they describe answers; what is answered comes from the types that decide it")]

use utoipa::ToSchema;

/// How a text stands.
#[derive(ToSchema)]
#[schema(as = MessageStatus, rename_all = "snake_case")]
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
#[schema(as = MessageWait, rename_all = "snake_case")]
pub(crate) enum WaitReason {
    Broker,
    Bridge,
    Sending,
    Key,
    Cancelling,
    Turn,
    Radio,
    RadioQueue,
    DutyCycle,
    Channel,
    Airtime,
}

/// What proves that a text arrived.
#[derive(ToSchema)]
#[schema(as = MessageEvidence, rename_all = "snake_case")]
pub(crate) enum Evidence {
    Ack,
    AckProven,
    Reply,
}

/// What became of a text whose time ran out.
#[derive(ToSchema)]
#[schema(as = MessageOutcome, rename_all = "snake_case")]
pub(crate) enum Outcome {
    NotSent,
    Unknown,
}

/// What became of a text's quota.
#[derive(ToSchema)]
#[schema(as = MessageCharge, rename_all = "snake_case")]
pub(crate) enum Charge {
    Reserved,
    Committed,
    Released,
}

/// Why a text failed or was not sent: the protocol's name of an error, or in small letters what a bridge or this server says.
#[derive(ToSchema)]
#[schema(as = MessageReason)]
pub(crate) enum Reason {
    #[schema(rename = "NO_ROUTE")]
    ErrorNoRoute,
    #[schema(rename = "GOT_NAK")]
    ErrorGotNak,
    #[schema(rename = "TIMEOUT")]
    ErrorTimeout,
    #[schema(rename = "NO_INTERFACE")]
    ErrorNoInterface,
    #[schema(rename = "MAX_RETRANSMIT")]
    ErrorMaxRetransmit,
    #[schema(rename = "NO_CHANNEL")]
    ErrorNoChannel,
    #[schema(rename = "TOO_LARGE")]
    ErrorTooLarge,
    #[schema(rename = "NO_RESPONSE")]
    ErrorNoResponse,
    #[schema(rename = "DUTY_CYCLE_LIMIT")]
    ErrorDutyCycleLimit,
    #[schema(rename = "BAD_REQUEST")]
    ErrorBadRequest,
    #[schema(rename = "NOT_AUTHORIZED")]
    ErrorNotAuthorized,
    #[schema(rename = "PKI_FAILED")]
    ErrorPkiFailed,
    #[schema(rename = "PKI_UNKNOWN_PUBKEY")]
    ErrorPkiUnknownPubkey,
    #[schema(rename = "ADMIN_BAD_SESSION_KEY")]
    ErrorAdminBadSessionKey,
    #[schema(rename = "ADMIN_PUBLIC_KEY_UNAUTHORIZED")]
    ErrorAdminPublicKeyUnauthorized,
    #[schema(rename = "RATE_LIMIT_EXCEEDED")]
    ErrorRateLimitExceeded,
    #[schema(rename = "PKI_SEND_FAIL_PUBLIC_KEY")]
    ErrorPkiSendFailPublicKey,
    #[schema(rename = "UNKNOWN")]
    ErrorUnknown,
    #[schema(rename = "never_granted")]
    NeverGranted,
    #[schema(rename = "expired")]
    Expired,
    #[schema(rename = "revoked")]
    Revoked,
    #[schema(rename = "cancelled")]
    Cancelled,
    #[schema(rename = "radio_refused")]
    RadioRefused,
    #[schema(rename = "too_large")]
    TooLarge,
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
    Unconfirmed,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;
    use kosmo_domain::{DeliveryEvidence, NotSent};
    use kosmo_store::messages::WaitReason as Waits;
    use std::collections::BTreeSet;
    use utoipa::PartialSchema;

    fn listed<T: PartialSchema>() -> BTreeSet<String> {
        let schema = serde_json::to_value(T::schema()).unwrap();
        schema["enum"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    fn names(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_reason_that_can_be_answered_is_listed_and_no_other() {
        let not_sent =
            [NotSent::NeverGranted, NotSent::Expired, NotSent::Revoked, NotSent::Cancelled, NotSent::RadioRefused, NotSent::TooLarge];
        // 0 is no error, and is never stored as one.
        let errors = (1..2_000).map(words::error_name);
        let all: BTreeSet<String> = errors.chain(not_sent.map(NotSent::as_str)).map(str::to_owned).collect();
        assert_eq!(listed::<Reason>(), all);
    }

    #[test]
    fn every_other_code_is_listed_too() {
        use kosmo_domain::{Charge as C, GapReason as G, Status as S};
        let statuses = [S::Pending, S::Queued, S::Transmitted, S::Delivered, S::Failed, S::Expired].map(S::as_str);
        assert_eq!(listed::<Status>(), names(&statuses));
        assert_eq!(listed::<Charge>(), names(&[C::Reserved, C::Committed, C::Released].map(C::as_str)));
        assert_eq!(
            listed::<Evidence>(),
            names(&[DeliveryEvidence::Ack, DeliveryEvidence::AckProven, DeliveryEvidence::Reply].map(DeliveryEvidence::as_str))
        );
        assert_eq!(listed::<GapReason>(), names(&[G::Radio, G::Stopped, G::Silent].map(G::as_str)));
        let waits = [Waits::Turn, Waits::Radio, Waits::RadioQueue, Waits::DutyCycle, Waits::Channel];
        let all = [
            words::Wait::Broker,
            words::Wait::Bridge,
            words::Wait::Sending,
            words::Wait::Key,
            words::Wait::Cancelling,
            words::Wait::Airtime,
        ]
        .into_iter()
        .chain(waits.map(words::Wait::InBridge));
        assert_eq!(listed::<WaitReason>(), all.map(|wait| wait.as_str().to_owned()).collect());
    }
}
