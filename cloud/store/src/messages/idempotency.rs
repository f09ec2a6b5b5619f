//! Keys by which a member repeats a request without sending twice.

use crate::{
    Result,
    db::{Tx, on_tx},
    messages::accept::{IdempotencyKey, MAX_KEY},
    types::{At, storable},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, Timestamp};
use uuid::Uuid;

/// What a key says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It was not used within a day.
    New,
    /// It was, by the same request, which made this message.
    Before(Uuid),
    /// It was, by another request.
    OtherBody,
}

/// Tells whether the key was used within a day, and forgets the member's older keys.
pub(super) async fn look_up(tx: &mut Tx, user: Uuid, key: &IdempotencyKey, now: Timestamp) -> Result<Seen> {
    const FORGET: &str = "delete from idempotency_keys where user_id = $1 and created_at <= $2";
    const SQL: &str = "select body_hash, message_id from idempotency_keys where user_id = $1 and key = $2";
    on_tx!(tx, |db| sqlx::query(FORGET).bind(user).bind(At(now.minus(DAY))).execute(db).map_ok(drop))?;
    let row: Option<(Vec<u8>, Uuid)> =
        on_tx!(tx, |db| sqlx::query_as(SQL).bind(user).bind(storable(&key.key, MAX_KEY)).fetch_optional(db))?;
    Ok(match row {
        None => Seen::New,
        Some((hash, message)) if hash == key.body_hash => Seen::Before(message),
        Some(_) => Seen::OtherBody,
    })
}

/// Remembers which message the request made. The member's row is locked, so nobody else used the key meanwhile.
pub(super) async fn remember(tx: &mut Tx, user: Uuid, key: &IdempotencyKey, message: Uuid, now: Timestamp) -> Result<()> {
    const SQL: &str = "insert into idempotency_keys (user_id, key, body_hash, message_id, created_at) values ($1, $2, $3, $4, $5)";
    on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(user)
            .bind(storable(&key.key, MAX_KEY))
            .bind(key.body_hash.as_slice())
            .bind(message)
            .bind(At(now))
            .execute(db)
            .map_ok(drop)
    })?;
    Ok(())
}
