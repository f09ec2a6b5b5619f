//! What radios and the computers beneath them count, as it travels: field by field the [`kosmo_domain`]'s, with a schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! mirrored {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
        pub struct $name { $($(#[$field_doc])* pub $field: $kind,)* }

        impl From<kosmo_domain::$name> for $name {
            fn from(counts: kosmo_domain::$name) -> Self {
                let kosmo_domain::$name { $($field,)* } = counts;
                Self { $($field,)* }
            }
        }

        impl From<$name> for kosmo_domain::$name {
            fn from(counts: $name) -> Self {
                let $name { $($field,)* } = counts;
                Self { $($field,)* }
            }
        }
    )*};
}

mirrored! {
    /// Counters of a radio since its start.
    RadioStats {
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
        #[serde(default, skip_serializing_if = "is_zero")]
        packets_tx_dropped: u32,
        /// Nodes heard in the last two hours.
        nodes_online: u32,
        /// Nodes in the radio's memory.
        nodes_known: u32,
        /// Free memory in bytes, where told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        heap_free_bytes: Option<u32>,
        /// Noise on the channel in dBm, where measured.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        noise_floor_dbm: Option<i32>,
    }

    /// The computer that a node runs on, where it is no microcontroller.
    HostStats {
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

    /// What a sensor measures on a person, as far as it measures it.
    HealthMetrics {
        /// Beats of the heart a minute.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        heart_rate_bpm: Option<u32>,
        /// How much of the blood is saturated with oxygen, in percent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        oxygen_saturation_pct: Option<u32>,
        /// The temperature of the body, in degrees Celsius.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body_temperature_c: Option<f32>,
    }

    /// What a node's traffic management did with packets since its start.
    TrafficStats {
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
