//! Which node a mesh id and a public key stand for.
//!
//! Firmware 2.8 derives the id from the key, radios are reset and replaced: a node keeps its history under a new id if it
//! shows the key it is known by. Names link nothing, for anybody can take any. Whoever has the channel's key can also claim
//! another node's public key, so only a node that has no key of its own, and is new, is taken for another one.

use crate::{
    Result,
    db::{Tx, on_tx},
    ingest::{Body, NodeReport, Record, nodes::Nodes},
    types::{At, Node},
    weather::latest::Values,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{DAY, NodeId, Timestamp};
use std::time::Duration;

/// For how long after it was first heard a node without a key may turn out to be another one. After that it has a history
/// of its own, and joining the two is up to the operator.
const NEWCOMER: Duration = DAY.saturating_mul(7);

#[derive(sqlx::FromRow)]
struct Known {
    node_id: Node,
    public_key: Option<Vec<u8>>,
    first_heard: At,
    user_at: Option<At>,
}

/// Takes in the keys that the records tell, and returns the nodes as they are then.
pub(super) async fn identify(tx: &mut Tx, records: &[&Record], mut nodes: Nodes) -> Result<Nodes> {
    for record in records {
        if let Body::Node { node, report: NodeReport::User(user), at } = &record.body
            && let Some(key) = &user.public_key
        {
            identify_one(tx, &mut nodes, *node, key, *at).await?;
        }
    }
    Ok(nodes)
}

async fn identify_one(tx: &mut Tx, nodes: &mut Nodes, node: NodeId, key: &[u8; 32], at: Timestamp) -> Result<()> {
    const KNOWN: &str = "select node_id, public_key, first_heard, user_at from nodes where id = $1";
    const BY_KEY: &str = "select id from nodes where public_key = $1 order by id limit 1";
    const FIRST_KEY: &str = "update nodes set public_key = $2 where id = $1";
    const NEW_KEY: &str = "update nodes set public_key = $2, key_changed_at = $3 where id = $1";
    const REMEMBER: &str =
        "insert into node_identities (node_id, public_key, node, first_heard) values ($1, $2, $3, $4) on conflict do nothing";
    const PRESENT_ID: &str = "update nodes set node_id = $2 where id = $1";

    let mut id = nodes.id(node)?;
    let known: Known = on_tx!(tx, |db| sqlx::query_as(KNOWN).bind(id).fetch_one(db))?;
    let outdated = known.user_at.is_some_and(|user_at| user_at.0 > at);
    let same_key = known.public_key.as_deref() == Some(key);
    if same_key && known.node_id.0 == node {
        return Ok(());
    }
    let mut present_id = known.node_id.0;
    if known.public_key.is_none() {
        let namesake: Option<i64> = on_tx!(tx, |db| sqlx::query_scalar(BY_KEY).bind(&key[..]).fetch_optional(db))?;
        match namesake {
            Some(other) if at.since(known.first_heard.0) < NEWCOMER => {
                link(tx, id, other).await?;
                nodes.redirect(id, other);
                id = other;
                // The mesh id has to be given up by the node that is gone before the other one can take it.
                present_id = NodeId::BROADCAST;
            }
            _ => on_tx!(tx, |db| sqlx::query(FIRST_KEY).bind(id).bind(&key[..]).execute(db).map_ok(drop))?,
        }
    } else if !same_key && !outdated {
        tracing::warn!(node.id = %node, "a node shows another public key than before");
        on_tx!(tx, |db| sqlx::query(NEW_KEY).bind(id).bind(&key[..]).bind(At(at)).execute(db).map_ok(drop))?;
    }
    on_tx!(tx, |db| sqlx::query(REMEMBER).bind(Node(node)).bind(&key[..]).bind(id).bind(At(at)).execute(db).map_ok(drop))?;
    if present_id != node && !outdated {
        on_tx!(tx, |db| sqlx::query(PRESENT_ID).bind(id).bind(Node(node)).execute(db).map_ok(drop))?;
    }
    Ok(())
}

/// Gives all that is stored of one node to another, which keeps its own where both have something, and removes the first.
async fn link(tx: &mut Tx, from: i64, to: i64) -> Result<()> {
    /// Every raw reading lies in an hour that has been summarised or is marked.
    const MARK: &str = "insert into dirty_hours (node, hour, generation, marked_at)
                        select $2, hour, generation, marked_at from dirty_hours where node = $1
                        on conflict (node, hour) do update set generation = dirty_hours.generation + 1";
    const MARK_SUMMARISED: &str = "insert into dirty_hours (node, hour, generation, marked_at)
                                   select $2, r.at, 1, n.last_heard from rollups_1h r join nodes n on n.id = r.node where r.node = $1
                                   on conflict (node, hour) do update set generation = dirty_hours.generation + 1";
    const MOVES: [&str; 8] = [
        "update node_identities set node = $2 where node = $1",
        "update readings set node = $2 where node = $1 and not exists (select 1 from readings o where o.node = $2 and o.at = readings.at)",
        "update rollups_1h set node = $2 where node = $1 and not exists (select 1 from rollups_1h o where o.node = $2 and o.at = rollups_1h.at)",
        "update rollups_1d set node = $2 where node = $1 and not exists (select 1 from rollups_1d o where o.node = $2 and o.at = rollups_1d.at)",
        "update node_receptions set node = $2
          where node = $1 and not exists (
                    select 1 from node_receptions o
                     where o.node = $2 and o.bridge = node_receptions.bridge and o.via_mqtt = node_receptions.via_mqtt)",
        "update neighbors set node = $2 where node = $1 and not exists (select 1 from neighbors o where o.node = $2)",
        "update traceroutes set node = $2
          where node = $1 and not exists (select 1 from traceroutes o where o.node = $2 and o.to_node = traceroutes.to_node)",
        "update nodes
            set first_heard = case when first_heard < f.first then first_heard else f.first end,
                last_heard = case when last_heard > f.last then last_heard else f.last end
           from (select first_heard as first, last_heard as last from nodes where id = $1) f
          where id = $2",
    ];
    const REMOVALS: [&str; 9] = [
        "delete from readings where node = $1",
        "delete from dirty_hours where node = $1",
        "delete from rollups_1h where node = $1",
        "delete from rollups_1d where node = $1",
        "delete from node_receptions where node = $1",
        "delete from neighbors where node = $1",
        "delete from traceroutes where node = $1",
        "delete from latest where node = $1",
        "delete from nodes where id = $1",
    ];
    let mut latest = Values::load(tx, &[from, to]).await?;
    for sql in [MARK, MARK_SUMMARISED].into_iter().chain(MOVES) {
        on_tx!(tx, |db| sqlx::query(sql).bind(from).bind(to).execute(db).map_ok(drop))?;
    }
    for sql in REMOVALS {
        on_tx!(tx, |db| sqlx::query(sql).bind(from).execute(db).map_ok(drop))?;
    }
    if let Some(values) = latest.remove(&from) {
        latest.entry(to).or_default().add_all(&values);
        Values::save(tx, &latest).await?;
    }
    Ok(())
}
