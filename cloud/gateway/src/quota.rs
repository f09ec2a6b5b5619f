//! `GET /api/v1/messages/quota`: what a member may still send.

use crate::{identity::Member, shared::Shared, wording};
use axum::extract::State;
use kosmo_domain::{Allowance, Scope, Timestamp};
use kosmo_http::{Json, Problem, ProblemBody};
use kosmo_store::messages::Quota;
use serde::Serialize;
use utoipa::ToSchema;

/// What a member may send in the present period, and has sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quota, example = json!({
    "handle": "ana", "prefix": "ana: ", "max_bytes": 200, "plan": "wanderer", "scope": "network", "limit": 50, "used": 3, "reserved": 1, "left": 47,
    "period_start": "2026-05-15T08:00:00Z", "resets_at": "2026-06-15T08:00:00Z"
}))]
pub(crate) struct QuotaView {
    /// What the mesh calls the member.
    handle: String,
    /// What goes on the air before each text; its bytes count.
    prefix: String,
    /// How many bytes of UTF-8 text and prefix have together at most.
    max_bytes: usize,
    /// The plan: `free`, `wanderer`, `guardian` or `sanctuary`.
    plan: &'static str,
    /// How far it reaches: `nobody`, `listed` (the member's own list and groups) or `network`.
    scope: &'static str,
    /// How many texts the plan sends in a period; null if it sends without a limit.
    #[schema(required = true)]
    limit: Option<u32>,
    /// How many of them are gone: spent, or held until more is known.
    used: u64,
    /// How many of those are only held; each is spent, or comes back if its text was surely not sent.
    reserved: u64,
    /// How many are left; null if there is no limit.
    #[schema(required = true)]
    left: Option<u64>,
    /// When the period began.
    #[schema(value_type = String, format = DateTime)]
    period_start: Timestamp,
    /// When the next one begins, and all of the quota with it.
    #[schema(value_type = String, format = DateTime)]
    resets_at: Timestamp,
}

/// What a member may still send
///
/// The quota of the present period, which begins on the day of the month and at the time at which the plan began (UTC).
#[utoipa::path(
    get,
    operation_id = "message_quota",
    path = "/api/v1/messages/quota",
    tag = "messages",
    params(("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development")),
    responses(
        (status = 200, description = "The quota", body = QuotaView),
        (status = 401, description = "It is not known who asks", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(shared): State<Shared>, Member(user): Member) -> Result<Json<QuotaView>, Problem> {
    let quota = shared.store.quota(user.id, shared.clock.now()).await?;
    // A user who was there a moment ago.
    let quota = quota.ok_or_else(|| Problem::not_found("this user is gone"))?;
    Ok(Json(QuotaView::of(quota, &shared, user.handle.as_str())))
}

impl QuotaView {
    fn of(quota: Quota, shared: &Shared, handle: &str) -> Self {
        let scope = match quota.plan.scope() {
            Scope::Nobody => "nobody",
            Scope::Network => "network",
            Scope::Listed => "listed",
        };
        let limit = match quota.allowance {
            Allowance::Limited(limit) => Some(limit),
            Allowance::Unlimited => None,
        };
        Self {
            handle: handle.to_owned(),
            prefix: wording::prefix(shared.sign_texts.then_some(handle)),
            max_bytes: wording::LONGEST,
            plan: quota.plan.as_str(),
            scope,
            limit,
            used: quota.used(),
            reserved: quota.reserved,
            left: quota.left(),
            period_start: quota.period.start,
            resets_at: quota.period.end,
        }
    }
}
