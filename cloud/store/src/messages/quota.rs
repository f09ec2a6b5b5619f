//! What a member may send in a period, and has sent. Reserved when a message is accepted; then, once, either committed or
//! given back to the period it came from.

use crate::{
    Result, Store,
    db::{Tx, on_reader, on_tx},
    types::{At, unsigned},
    users,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{Allowance, Charge, Period, Plan, Timestamp};
use kosmo_failpoints::fail_point;
use uuid::Uuid;

/// A member's quota in the present period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The plan it comes from.
    pub plan: Plan,
    /// How many texts the plan sends in a period.
    pub allowance: Allowance,
    /// How many are held until more is known of them.
    pub reserved: u64,
    /// How many are spent.
    pub committed: u64,
    /// The period.
    pub period: Period,
}

impl Quota {
    /// Returns how many texts count against the allowance.
    pub const fn used(&self) -> u64 {
        self.reserved.saturating_add(self.committed)
    }

    /// Returns how many more may be sent in the period; nothing if there is no limit.
    pub fn left(&self) -> Option<u64> {
        match self.allowance {
            Allowance::Limited(limit) => Some(u64::from(limit).saturating_sub(self.used())),
            Allowance::Unlimited => None,
        }
    }
}

impl Store {
    /// Returns a member's quota in the period that `now` lies in; nothing if there is no such member.
    ///
    /// # Errors
    /// As the database does.
    pub async fn quota(&self, user: Uuid, now: Timestamp) -> Result<Option<Quota>> {
        const USER: &str = "select plan, anchor from users where id = $1";
        const COUNTS: &str = "select reserved, committed from quota_periods where user_id = $1 and period_start = $2";
        let row: Option<(String, At)> = on_reader!(self, |db| sqlx::query_as(USER).bind(user).fetch_optional(db))?;
        let Some((plan, anchor)) = row else { return Ok(None) };
        let (plan, period) = (users::parse_plan(&plan)?, Period::at(anchor.0, now));
        let counts: Option<(i64, i64)> =
            on_reader!(self, |db| sqlx::query_as(COUNTS).bind(user).bind(At(period.start)).fetch_optional(db))?;
        let (reserved, committed) = counts.unwrap_or_default();
        let (reserved, committed) = (unsigned(reserved, "a quota")?, unsigned(committed, "a quota")?);
        Ok(Some(Quota { plan, allowance: plan.allowance(), reserved, committed, period }))
    }
}

/// Holds one text's worth of the period, and tells whether there was any left. One statement that guards itself: of two
/// that want the last one, the second sees what the first has written.
pub(super) async fn reserve(tx: &mut Tx, user: Uuid, period: Period, allowance: Allowance) -> Result<bool> {
    const SQL: &str = "insert into quota_periods (user_id, period_start, period_end, allowance, reserved, committed)
                       select $1, $2, $3, cast($4 as bigint), 1, 0
                        where cast($4 as bigint) is null or cast($4 as bigint) > 0
                       on conflict (user_id, period_start) do update
                          set reserved = quota_periods.reserved + 1, period_end = excluded.period_end, allowance = excluded.allowance
                        where excluded.allowance is null
                           or quota_periods.reserved + quota_periods.committed < excluded.allowance";
    let allowance = match allowance {
        Allowance::Limited(limit) => Some(i64::from(limit)),
        Allowance::Unlimited => None,
    };
    let rows = on_tx!(tx, |db| {
        sqlx::query(SQL)
            .bind(user)
            .bind(At(period.start))
            .bind(At(period.end))
            .bind(allowance)
            .execute(db)
            .map_ok(|done| done.rows_affected())
    })?;
    fail_point!("quota::reserved");
    Ok(rows > 0)
}

/// Spends what was reserved for a message, or gives it back to the period that it came from. The message's row remembers
/// its charge, so that this happens once.
pub(super) async fn settle(tx: &mut Tx, message: Uuid, charge: Charge) -> Result<()> {
    const SQL: &str = "update quota_periods
                          set reserved = reserved - 1, committed = committed + $2
                        where (user_id, period_start) = (select user_id, period_start from messages where id = $1 and charge = 'reserved')";
    let committed: i64 = match charge {
        Charge::Reserved => return Ok(()),
        Charge::Committed => 1,
        Charge::Released => 0,
    };
    on_tx!(tx, |db| sqlx::query(SQL).bind(message).bind(committed).execute(db).map_ok(drop))?;
    fail_point!("quota::settled");
    Ok(())
}
