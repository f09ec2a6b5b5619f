//! What a node, its computer and its traffic management count, as it is shown.

use kosmo_domain::Timestamp;
use kosmo_store::ingest::{HostStats, RadioStats, TrafficStats};
use serde::Serialize;
use utoipa::ToSchema;

macro_rules! views {
    ($($(#[$doc:meta])* $view:ident $name:ident of $stored:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Serialize, ToSchema)]
        #[schema(as = $name)]
        pub(crate) struct $view {
            /// When it said so.
            #[schema(value_type = String, format = DateTime)]
            at: Timestamp,
            $($(#[$field_doc])* $field: $kind,)*
        }

        impl From<($stored, Timestamp)> for $view {
            fn from((counts, at): ($stored, Timestamp)) -> Self {
                let $stored { $($field,)* } = counts;
                Self { at, $($field,)* }
            }
        }
    )*};
}

views! {
    /// What a radio has counted since it started.
    RadioStatsView RadioStats of RadioStats {
        /// Seconds since it started.
        uptime_s: u32,
        /// Share of the last minute in which it heard the channel in use.
        channel_utilization_pct: f32,
        /// Share of the last hour in which it sent.
        air_util_tx_pct: f32,
        /// Packets sent.
        packets_tx: u32,
        /// Packets received.
        packets_rx: u32,
        /// Packets received damaged.
        packets_rx_bad: u32,
        /// Packets received again.
        packets_rx_duplicate: u32,
        /// Packets relayed for others.
        packets_relayed: u32,
        /// Relays given up because another node was faster.
        relays_cancelled: u32,
        /// Packets that found no room in its queue.
        packets_tx_dropped: u32,
        /// Nodes heard in the last two hours.
        nodes_online: u32,
        /// Nodes in the radio's memory.
        nodes_known: u32,
        /// Free memory in bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        heap_free_bytes: Option<u32>,
        /// Noise on the channel in dBm.
        #[serde(skip_serializing_if = "Option::is_none")]
        noise_floor_dbm: Option<i32>,
    }

    /// What a node's computer counts.
    HostStatsView HostStats of HostStats {
        /// Seconds since it started.
        uptime_s: u32,
        /// Free memory in bytes.
        memory_free_bytes: u64,
        /// Free room on its first disk in bytes.
        disk_free_bytes: u64,
        /// Load of the last minute, in hundredths.
        load_1m_hundredths: u32,
        /// Load of the last five minutes, in hundredths.
        load_5m_hundredths: u32,
        /// Load of the last fifteen minutes, in hundredths.
        load_15m_hundredths: u32,
    }

    /// What a node's traffic management did with packets since it started.
    TrafficStatsView TrafficStats of TrafficStats {
        /// Packets that it looked at.
        packets_inspected: u32,
        /// Positions not passed on because they said nothing new.
        positions_dropped: u32,
        /// Questions for node info that it answered from memory.
        node_infos_answered: u32,
        /// Packets not passed on because their sender sent too many.
        rate_limited: u32,
        /// Packets not passed on because it could not read them.
        unknown_dropped: u32,
        /// Packets that had no hops left.
        hops_exhausted: u32,
        /// Packets whose hops it did not count, from router to router.
        hops_preserved: u32,
    }
}
