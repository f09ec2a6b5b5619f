//! Who asks. Until there are accounts, a header says so, which is believed on a machine of one's own alone.

use crate::shared::Shared;
use axum::{
    extract::FromRequestParts,
    http::{HeaderName, request::Parts},
};
use kosmo_http::{Code, Problem};
use kosmo_store::users::UserRow;
use std::net::SocketAddr;
use uuid::Uuid;

/// The header that names a member.
const HEADER: HeaderName = HeaderName::from_static("x-user-id");
/// What a client is told to send where the header is believed.
const DEV_CHALLENGE: &str = "X-User-ID realm=\"development\"";
/// What a client is told where nobody can be recognised.
const CHALLENGE: &str = "Kosmo realm=\"members\"";

/// The permission to believe `X-User-ID`, with which anybody can be anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DevIdentity(());

/// Says that a listener can be reached from other machines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "with `X-User-ID` anybody can be any member, so it is believed on loopback only, and {0} can be reached from other machines: listen on 127.0.0.1, or switch `auth.dev_header` off"
)]
pub struct NotLoopback(pub SocketAddr);

impl DevIdentity {
    /// Permits `X-User-ID` on this listener. Call it for every listener that serves the gateway.
    ///
    /// # Errors
    /// [`NotLoopback`] if it can be reached from other machines.
    pub const fn enable(listener: SocketAddr) -> Result<Self, NotLoopback> {
        if listener.ip().to_canonical().is_loopback() { Ok(Self(())) } else { Err(NotLoopback(listener)) }
    }
}

/// The member who asks.
pub(crate) struct Member(pub(crate) UserRow);

impl FromRequestParts<Shared> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        if shared.dev_identity.is_none() {
            let detail = "this server has no accounts, and does not take a header's word for who asks";
            return Err(Problem::new(Code::Unauthenticated, detail).with_challenge(CHALLENGE));
        }
        let mut values = parts.headers.get_all(HEADER).iter();
        let Some(value) = values.next() else {
            return Err(Problem::new(Code::Unauthenticated, "the header `X-User-ID` is missing")
                .of("X-User-ID")
                .with_challenge(DEV_CHALLENGE));
        };
        let id = value.to_str().ok().filter(|_| values.next().is_none()).and_then(user_id).ok_or_else(|| {
            let detail = "`X-User-ID` is one UUID, like `11111111-1111-1111-1111-111111111111`";
            Problem::new(Code::InvalidIdentity, detail).of("X-User-ID").with_challenge(DEV_CHALLENGE)
        })?;
        match shared.store.user(id).await? {
            Some(user) => Ok(Self(user)),
            None => Err(Problem::new(Code::UnknownUser, "no user has this id").of("X-User-ID").with_challenge(DEV_CHALLENGE)),
        }
    }
}

/// Whoever asks: a member, or nobody in particular, who may know what is public.
pub(crate) struct Caller(pub(crate) Option<UserRow>);

impl FromRequestParts<Shared> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Problem> {
        if !parts.headers.contains_key(HEADER) {
            return Ok(Self(None));
        }
        Member::from_request_parts(parts, shared).await.map(|Member(user)| Self(Some(user)))
    }
}

/// Reads the one spelling of a UUID that is written everywhere else.
fn user_id(text: &str) -> Option<Uuid> {
    let hyphens_at_their_places = text.len() == 36 && [8, 13, 18, 23].iter().all(|&place| text.as_bytes()[place] == b'-');
    hyphens_at_their_places.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enable(listener: &str) -> Result<DevIdentity, NotLoopback> {
        DevIdentity::enable(listener.parse().unwrap())
    }

    #[test]
    fn a_header_is_believed_on_loopback_alone() {
        for listener in ["127.0.0.1:8003", "127.8.0.1:0", "[::1]:8003", "[::ffff:127.0.0.1]:8003"] {
            assert!(enable(listener).is_ok(), "{listener}");
        }
        for listener in ["0.0.0.0:8003", "[::]:8003", "192.168.1.2:8003", "[::ffff:10.0.0.1]:8003", "[fe80::1]:8003"] {
            assert!(enable(listener).is_err(), "{listener}");
        }
        let words = enable("0.0.0.0:8003").unwrap_err().to_string();
        assert!(words.contains("0.0.0.0:8003 can be reached from other machines") && words.contains("listen on 127.0.0.1"), "{words}");
    }

    #[test]
    fn a_user_id_has_one_spelling() {
        assert!(user_id("11111111-1111-1111-1111-111111111111").is_some());
        for text in
            ["", "ana", "11111111111111111111111111111111", "{11111111-1111-1111-1111-111111111111}", "é1111111-1111-1111-1111-11111111111"]
        {
            assert!(user_id(text).is_none(), "{text}");
        }
    }
}
