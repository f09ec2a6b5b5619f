//! A silent simulated mesh, on which nobody speaks unless the test lets them.

use kosmo_domain::{Clock, NodeId, Timestamp};
use kosmo_meshtastic::proto;
use kosmo_sim::{Config, Mesh, Person, Reach};
use prost::Message as _;
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The Meshtastic port of telemetry.
const TELEMETRY: i32 = 67;

/// The system's clock, which a test may use because nothing of its outcome depends on it.
#[derive(Debug, Clone, Copy)]
struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is passed as an argument")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.plus(since)
    }
}

/// Returns the present time in whole seconds, as radios tell it.
pub fn now() -> Timestamp {
    SystemClock.now().floor_to(Duration::from_secs(1))
}

/// Returns the present time.
pub(crate) fn clock_now() -> Timestamp {
    SystemClock.now()
}

/// The mesh, its radios on free ports. What radios hand over is recorded.
pub struct Air {
    /// The mesh itself.
    pub mesh: Mesh,
    shutdown: CancellationToken,
}

impl Air {
    /// Starts a mesh of so many radios.
    pub async fn silent(radios: usize) -> Self {
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); radios];
        Self::of(Config { listen, interval: None, chat_every: None, record: true, ..Config::default() }).await
    }

    /// Starts a mesh whose nodes speak by themselves this often.
    pub async fn lively(radios: usize, every: Duration) -> Self {
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); radios];
        Self::of(Config { listen, interval: Some(every), record: true, ..Config::default() }).await
    }

    /// Starts a mesh where these people live and everything on the air goes so many times faster.
    pub async fn peopled(radios: usize, people: &[Person], speed: u32) -> Self {
        let listen = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); radios];
        let people = people.to_vec();
        Self::of(Config { listen, interval: None, chat_every: None, record: true, people, speed, ..Config::default() }).await
    }

    async fn of(config: Config) -> Self {
        let shutdown = CancellationToken::new();
        let mesh = Mesh::start(config, Arc::new(SystemClock), shutdown.clone()).await.expect("a free port can be listened on");
        Self { mesh, shutdown }
    }

    /// Returns the stations of the mesh.
    pub fn stations(&self) -> Vec<NodeId> {
        let stations = self.mesh.nodes().into_iter().filter(|node| matches!(node.kind, kosmo_sim::region::Kind::Station(_)));
        stations.map(|node| node.id).collect()
    }

    /// Waits until a client is attached to this radio.
    pub async fn attached(&self, radio: usize) {
        let mut attached = self.mesh.radio(radio).attached();
        let waiting = tokio::time::timeout(Duration::from_secs(90), attached.wait_for(|attached| *attached));
        waiting.await.expect("a bridge attaches").expect("the radio lives");
    }

    /// Lets a station send a temperature that every radio hears.
    pub fn send_temperature(&self, from: NodeId, at: Timestamp, temperature: f32) {
        self.mesh.send(from, NodeId::BROADCAST, environment(at, temperature), Reach::EveryRadio).expect("the station is of this mesh");
    }

    /// Returns who measured when, by what this radio handed over as complete frames.
    pub fn handed_over(&self, radio: usize) -> BTreeSet<(NodeId, u32)> {
        let handed_over = self.mesh.radio(radio).handed_over();
        let telemetry = handed_over.iter().filter_map(|packet| Some((packet.from, measured_at(packet)?)));
        telemetry.collect()
    }
}

impl Drop for Air {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Returns the payload of an environment reading.
pub fn environment(at: Timestamp, temperature: f32) -> proto::Data {
    let metrics = proto::EnvironmentMetrics { temperature: Some(temperature), relative_humidity: Some(50.0), ..Default::default() };
    let telemetry = proto::Telemetry {
        time: u32::try_from(at.as_seconds()).expect("radios tell time until 2106"),
        variant: Some(proto::telemetry::Variant::EnvironmentMetrics(metrics)),
    };
    // It agrees that gateways pass it on; whoever does not is in no public answer.
    proto::Data { portnum: TELEMETRY, payload: telemetry.encode_to_vec(), bitfield: Some(1), ..Default::default() }
}

/// Returns when the environment reading in a packet was measured, if it holds one.
pub(crate) fn measured_at(packet: &kosmo_sim::HandOver) -> Option<u32> {
    let Some(proto::mesh_packet::PayloadVariant::Decoded(data)) = &packet.packet.payload_variant else { return None };
    if data.portnum != TELEMETRY {
        return None;
    }
    let telemetry = proto::Telemetry::decode(&*data.payload).ok()?;
    matches!(telemetry.variant, Some(proto::telemetry::Variant::EnvironmentMetrics(_))).then_some(telemetry.time)
}
