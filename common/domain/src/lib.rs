//! The words and rules of the field: ids, times, metrics, readings and roll-ups.
//!
//! Nothing here does I/O, reads a clock or draws randomness; whatever depends on them takes them as arguments.
//! Bridge, cloud and simulator all speak in these types, so that a node id or a unit is parsed once, at the edge.

mod clock;
mod counts;
mod delivery;
mod ids;
mod listening;
mod metric;
mod observed;
mod packet;
mod period;
mod plan;
mod position;
mod reading;
mod rollup;
mod seq_set;
mod steady;
mod time;

pub use crate::{
    clock::{Clock, ManualClock},
    counts::{HealthMetrics, HostStats, RadioStats, Traceroute, TrafficStats},
    delivery::{Charge, DeliveryEvidence, Fact, Facts, NotSent, RefusedBy, Status, UnknownName},
    ids::{BridgeId, Epoch, IdError, NodeId, PacketId, Stream},
    listening::{BELIEVED, GapChange, GapReason, Listening, Span, Track, silence},
    metric::{Aggregate, Implausible, METRICS, Metric, MetricSpec, UnknownMetric},
    observed::{CLOCK_TOLERANCE, EARLIEST_PLAUSIBLE, Observed, TimeSource, observed_at},
    packet::{attempt_of, packet_id},
    period::Period,
    plan::{Allowance, NotAllowed, Plan, Reach, Scope, UnknownPlan},
    position::{Position, PositionError},
    reading::{Metrics, Reading, Source, Trust},
    rollup::{Rollup, RollupBuilder, Stats},
    seq_set::SeqSet,
    steady::{Judgement, SteadyTime},
    time::{DAY, HOUR, Timestamp, TimestampError, Uptime},
};
