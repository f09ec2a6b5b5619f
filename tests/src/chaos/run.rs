//! One run: a system under load, one of whose processes dies, comes back, and is held to its word.

use super::{
    check::{Violation, check},
    evidence::TakenBack,
    load::{self, Act, MEMBERS, PEOPLE, ROUND},
    matrix::Kill,
    observe,
    post::{self, Posted},
    relay::Relay,
    witness::{Fallen, Notes, truth},
};
use crate::{Air, BridgeProcess, Footing, Setup, System, now};
use kosmo_domain::{HOUR, Timestamp};
use kosmo_failpoints::{KILL_VARIABLE, LOG_VARIABLE, Part};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    fs, mem,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How many bridges there are; the first is the one that dies.
const RADIOS: usize = 2;
const NAMES: [&str; RADIOS] = ["north", "south"];
/// How many times faster than real ones radios and people are. They remember packets for as much shorter, so that this must be
/// little: a bridge repeats what it is in doubt of within four minutes.
const SPEED: u32 = 4;
/// How many rounds of load a run has at most until its process has died.
const ROUNDS: u32 = 8;
/// How long after what was to show that all parts are back it is sent again.
const AGAIN: Duration = Duration::from_secs(5);
/// How long all parts may take to be back.
const BACK: Duration = Duration::from_mins(1);
/// How long it may take until everything is as it must be.
const SETTLES: Duration = Duration::from_secs(100);
/// How long what is as it must be is watched for what comes twice.
const STAYS: Duration = Duration::from_secs(2);

/// One run.
#[derive(Debug)]
pub struct Run {
    /// What the system stands on.
    pub footing: Footing,
    /// What the load follows from.
    pub seed: u64,
    /// Where what dies, if anything does.
    pub kill: Option<Kill>,
    /// How often the database is killed, at any moments; on servers, where it is then the run's own.
    pub database_deaths: usize,
}

/// The point that is passed only by texts that no bridge takes: whoever wants it passed has the bridges go away for a while.
const WAITING: &str = "offers::due";

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Whether the process died where it was to.
    pub died: bool,
    /// What must not be.
    pub violations: Vec<Violation>,
    /// Whatever else went wrong, in words.
    pub faults: Vec<String>,
    /// How long after the death all parts were back.
    pub back_after: Option<Duration>,
    /// How often the database was killed.
    pub database_deaths: usize,
    /// What was said to those who took texts back.
    pub taken_back: Vec<TakenBack>,
    /// How often each point was passed.
    pub passes: BTreeMap<String, u64>,
    /// What all processes said.
    pub log: String,
}

impl Outcome {
    /// Tells whether all was as it must be.
    pub fn is_good(&self) -> bool {
        self.violations.is_empty() && self.faults.is_empty()
    }
}

/// The name of the process that a part runs in.
const fn process(part: Part, footing: Footing) -> &'static str {
    match (part, footing) {
        (Part::Bridge, _) => NAMES[0],
        (Part::Ingestion | Part::Gateway | Part::Broker, Footing::Embedded) => "up",
        (Part::Ingestion, Footing::Servers) => "ingestion",
        (Part::Gateway, Footing::Servers) => "gateway",
        (Part::Broker, Footing::Servers) => "broker",
    }
}

struct Stage {
    system: System,
    bridges: Vec<BridgeProcess>,
    air: Air,
    relay: Relay,
    notes: Notes,
    posts: JoinSet<Result<Posted, String>>,
    gateway: Arc<Mutex<String>>,
    rng: StdRng,
    victim: Option<&'static str>,
    death: Option<Death>,
    outcome: Outcome,
}

struct Death {
    since: Instant,
    is_back: bool,
    /// What was sent since, each by one radio, and when that was last done.
    canaries: Vec<(usize, load::Sent)>,
    sent: Option<Instant>,
}

impl Death {
    fn now() -> Self {
        Self { since: Instant::now(), is_back: false, canaries: Vec::new(), sent: None }
    }
}

impl Run {
    /// Runs it in this folder.
    pub async fn run(&self, folder: &Path) -> Outcome {
        let mut stage = self.set_up(folder).await;
        stage.play(self).await;
        stage.settle().await;
        stage.finish()
    }

    async fn set_up(&self, folder: &Path) -> Stage {
        let passes = folder.join("passes");
        fs::create_dir_all(&passes).expect("the folder is the test's");
        let log = passes.display().to_string();
        let settings = "[auth]\ndev_header = true\n\n[gateway]\nburst = 1000\nper_minute = 600\n".to_owned();
        let env = [(LOG_VARIABLE.to_owned(), log.clone())].into();
        let own_cluster = self.database_deaths > 0;
        let mut system = System::with(folder, self.footing, Setup { settings, own_cluster, env, ..Setup::default() }).await;
        for (handle, plan, id) in MEMBERS {
            let added = system.command(&["user", "add", handle, "--plan", plan, "--id", &id.to_string()]);
            assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        }
        let air = Air::peopled(RADIOS, &PEOPLE, SPEED).await;
        let broker = system.address("mqtt").trim_start_matches("mqtt://").parse().expect("brokers listen on addresses");
        let relay = Relay::start(broker).await;
        let mut bridges = Vec::new();
        for name in NAMES {
            let mut bridge = system.bridge(name).await;
            bridge.set_env(LOG_VARIABLE, Some(&log));
            bridges.push(bridge);
        }
        let victim = self.kill.map(|kill| process(kill.part, kill.footing));
        if let Some((kill, victim)) = self.kill.zip(victim) {
            let at = format!("{}:{}", kill.point, kill.pass);
            if kill.part == Part::Bridge {
                bridges[0].set_env(KILL_VARIABLE, Some(&at));
            } else {
                system.kill(victim);
                system.pin_broker();
                let process = system.process_mut(victim);
                process.set_env(KILL_VARIABLE, Some(&at));
                process.launch();
            }
        }
        for (radio, bridge) in bridges.iter_mut().enumerate() {
            bridge.start(air.mesh.radio(radio).address(), &relay.url());
        }
        let gateway = Arc::new(Mutex::new(system.address("gateway").to_owned()));
        Stage {
            system,
            bridges,
            air,
            relay,
            notes: Notes { names: NAMES.to_vec(), ..Notes::default() },
            posts: JoinSet::new(),
            gateway,
            rng: StdRng::seed_from_u64(self.seed),
            victim,
            death: None,
            outcome: Outcome::default(),
        }
    }
}

impl Stage {
    /// Plays rounds of load until the process has died and one more is over, or as many as there are to be.
    async fn play(&mut self, run: &Run) {
        let origin = now();
        let deaths = u32::try_from(run.database_deaths).expect("a run has few rounds");
        let has_absence = run.kill.map_or(deaths == 0, |kill| kill.point == WAITING);
        for round in 0..ROUNDS {
            let had_died = self.death.is_some();
            let mut acts = load::round(round, has_absence, &self.air, origin, &mut self.rng);
            if round < deaths {
                acts.extend(load::database_death(&mut self.rng));
                acts.sort_by_key(|(at, _)| *at);
            }
            let mut acts = VecDeque::from(acts);
            // What is due and has nobody yet whom it would happen to.
            let mut due = Vec::new();
            let began = Instant::now();
            while began.elapsed() < ROUND || !acts.is_empty() || !due.is_empty() {
                while acts.front().is_some_and(|(at, _)| began.elapsed() >= *at) {
                    due.extend(acts.pop_front().map(|(_, act)| act));
                }
                for act in mem::take(&mut due) {
                    if self.has_whom_it_happens_to(&act) {
                        self.act(act).await;
                    } else {
                        due.push(act);
                    }
                }
                self.watch().await;
                if began.elapsed() > ROUND + SETTLES {
                    self.outcome.faults.push(format!("nobody was there for {due:?}"));
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
            let is_over = if run.kill.is_some() { had_died } else { round + 1 >= deaths };
            if is_over {
                return;
            }
        }
    }

    /// Tells whether an act would be noticed: a connection is cut once there is one.
    fn has_whom_it_happens_to(&self, act: &Act) -> bool {
        match act {
            Act::CutBroker => self.relay.attached() == RADIOS,
            Act::CutRadio => *self.air.mesh.radio(0).attached().borrow(),
            Act::Reading(..) | Act::Text(_) | Act::Nonsense(_) | Act::Leave | Act::Return | Act::KillDatabase | Act::RestartDatabase => {
                true
            }
        }
    }

    async fn act(&mut self, act: Act) {
        match act {
            Act::Reading(sent, hearers) => {
                load::send(&self.air, &sent, hearers, now(), &mut self.rng);
                self.notes.readings.push(sent);
            }
            Act::Text(post) => {
                self.posts.spawn(post::send(Arc::clone(&self.gateway), post));
            }
            Act::Nonsense(station) => load::send_nonsense(&self.air, station),
            Act::CutBroker => {
                self.relay.cut();
                if let Some(broker) = self.system.broker() {
                    broker.kill();
                    broker.restart().await;
                }
            }
            Act::CutRadio => self.air.mesh.radio(0).cut(),
            Act::Leave => {
                for bridge in &mut self.bridges {
                    bridge.stop().await;
                }
            }
            Act::Return => {
                for (radio, bridge) in self.bridges.iter_mut().enumerate() {
                    bridge.start(self.air.mesh.radio(radio).address(), &self.relay.url());
                }
            }
            Act::KillDatabase => {
                self.system.kill("database");
                self.outcome.database_deaths += 1;
            }
            Act::RestartDatabase => {
                self.system.restart("database").await;
                self.death = Some(Death::now());
            }
        }
    }

    /// Notes that a bridge died, once its radio has found that out.
    async fn note_fallen(&mut self, radio: usize, at: Timestamp) {
        let mut attached = self.air.mesh.radio(radio).attached();
        let _ = timeout(Duration::from_secs(10), attached.wait_for(|attached| !*attached)).await;
        let handed_over = self.air.mesh.radio(radio).handed_over().len();
        self.notes.fallen.push(Fallen { radio, at, handed_over });
    }

    /// Takes note of deaths, brings what died back, and learns where it listens then.
    async fn watch(&mut self) {
        while let Some(posted) = self.posts.try_join_next() {
            match posted.expect("posting does not panic") {
                Ok(Posted { id, post, taken_back }) => {
                    self.notes.accepted.insert(id, post);
                    self.notes.taken_back.extend(taken_back.map(|said| (id, said)));
                }
                Err(fault) => self.outcome.faults.push(fault),
            }
        }
        for (index, name) in NAMES.into_iter().enumerate() {
            let Some(status) = self.bridges[index].has_ended() else { continue };
            self.note_death(name, &status.to_string());
            self.note_fallen(index, precisely_now()).await;
            self.bridges[index].set_env(KILL_VARIABLE, None);
            self.bridges[index].start(self.air.mesh.radio(index).address(), &self.relay.url());
        }
        for name in self.system.names() {
            let process = self.system.process_mut(&name);
            if let Some(status) = process.has_ended() {
                self.note_death(&name, &status.to_string());
                self.system.pin_broker();
                let process = self.system.process_mut(&name);
                process.set_env(KILL_VARIABLE, None);
                process.launch();
            } else if process.is_ready() {
                self.system.note_addresses();
                self.system.address("gateway").clone_into(&mut self.gateway.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
        self.look_who_listens().await;
        self.look_for_canaries().await;
    }

    /// Takes note of bridges that the cloud knows to listen, until it was seen to know all of them.
    async fn look_who_listens(&mut self) {
        if self.notes.told.len() == RADIOS {
            return;
        }
        let Some((200, body)) = self.system.try_ask("web", "/api/v1/network/bridges").await else { return };
        let Ok(told) = serde_json::from_str::<Value>(&body) else { return };
        let is_online = |name: &str| {
            told["data"].as_array().is_some_and(|all| all.iter().any(|one| one["bridge_id"] == name && one["state"] == "online"))
        };
        let now = precisely_now();
        for name in NAMES.into_iter().filter(|name| is_online(name)) {
            self.notes.told.entry(name).or_insert(now);
        }
    }

    fn note_death(&mut self, name: &str, status: &str) {
        if self.victim != Some(name) || self.death.is_some() || !status.contains("SIGABRT") {
            self.outcome.faults.push(format!("{name} ended by itself: {status}"));
        }
        self.outcome.died = true;
        if self.death.is_none() {
            self.death = Some(Death::now());
        }
    }

    /// Sees to it that what is sent after a death arrives by every radio, which says that all parts are back.
    async fn look_for_canaries(&mut self) {
        let Some(death) = self.death.as_mut().filter(|death| !death.is_back) else { return };
        let station = self.air.stations()[0];
        let (start, end) = (now().minus(Duration::from_hours(13)), now().minus(Duration::from_hours(9)));
        let path = format!("/api/v1/weather/history?node_id={station}&start={start}&end={end}&interval=raw");
        let answer = self.system.try_ask("weather", &path).await.filter(|(status, _)| *status == 200);
        let body = answer.and_then(|(_, body)| serde_json::from_str::<Value>(&body).ok()).unwrap_or_default();
        let rows = body["data"].as_array();
        let arrived: Vec<Timestamp> = rows.into_iter().flatten().filter_map(|row| row["at"].as_str()?.parse().ok()).collect();
        if (0..RADIOS).all(|radio| death.canaries.iter().any(|(by, sent)| *by == radio && arrived.contains(&sent.at))) {
            death.is_back = true;
            self.outcome.back_after = Some(death.since.elapsed());
            return;
        }
        // A radio that was without a client has its queue full, and does not take what is sent then.
        if death.sent.is_none_or(|sent| sent.elapsed() >= AGAIN) {
            death.sent = Some(Instant::now());
            for radio in 0..RADIOS {
                // Before all that the load sends, and none at another's time.
                let age = Duration::from_hours(10) + Duration::from_secs(self.notes.readings.len() as u64);
                let sent = load::Sent { station, at: now().floor_to(HOUR).minus(age), temperature: 7.5 };
                load::send(&self.air, &sent, load::Hearers::Radio(radio), now(), &mut self.rng);
                self.notes.readings.push(sent.clone());
                death.canaries.push((radio, sent));
            }
        }
    }

    /// Waits until everything is as it must be, and looks whether it stays so.
    async fn settle(&mut self) {
        let data = self.system.data().to_owned();
        let store = observe::open(&self.system, &data).await;
        let began = Instant::now();
        let mut good_since: Option<Instant> = None;
        loop {
            self.watch().await;
            let is_quiet = self.posts.is_empty() && self.death.as_ref().is_none_or(|death| death.is_back);
            // Looking at everything takes its time, and meanwhile nobody sees that all is back.
            if !is_quiet && began.elapsed() < SETTLES {
                sleep(Duration::from_millis(50)).await;
                continue;
            }
            let found = observe::found(&self.system, &store, &self.notes, now()).await;
            let violations = found.map(|found| check(&truth(&self.air, RADIOS, &self.notes), &found));
            let is_good = is_quiet && violations.as_ref().is_some_and(Vec::is_empty);
            good_since = if is_good { good_since.or_else(|| Some(Instant::now())) } else { None };
            let is_over = began.elapsed() > SETTLES || !self.outcome.faults.is_empty();
            if is_over || good_since.is_some_and(|since| since.elapsed() >= STAYS) {
                if is_over && !self.posts.is_empty() {
                    self.outcome.faults.push(format!("{} posts were not answered", self.posts.len()));
                }
                match violations {
                    Some(violations) => self.outcome.violations = violations,
                    None => self.outcome.faults.push("not all parts answered in the end".to_owned()),
                }
                break;
            }
            sleep(Duration::from_millis(300)).await;
        }
        store.close().await;
    }

    fn finish(mut self) -> Outcome {
        if let Some(death) = &self.death {
            match self.outcome.back_after {
                None => self.outcome.faults.push(format!("not all parts were back {} s after the death", death.since.elapsed().as_secs())),
                Some(after) if after > BACK => {
                    self.outcome.faults.push(format!("all parts were back only {} s after the death", after.as_secs()));
                }
                Some(_) => {}
            }
        }
        self.outcome.taken_back = self.notes.taken_back.values().copied().collect();
        self.outcome.log = self.system.log() + &self.bridges.iter().map(BridgeProcess::log).collect::<String>();
        let folder = self.system.data().with_file_name("passes");
        for file in fs::read_dir(folder).expect("the folder is the test's").flatten() {
            for line in fs::read_to_string(file.path()).unwrap_or_default().lines() {
                *self.outcome.passes.entry(line.to_owned()).or_default() += 1;
            }
        }
        self.outcome
    }
}

/// Returns the present time, and not in whole seconds.
fn precisely_now() -> Timestamp {
    crate::air::clock_now()
}
