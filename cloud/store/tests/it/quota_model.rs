//! Whatever happens to texts, in whatever order and however often: the ledger of each period is what the texts' charges
//! say, and each text's status is what its facts say.

use crate::{
    outbound::{HUT, Outbox, RADIO, TTL, WINDOW, bridge, join, seconds, text},
    stores,
};
use kosmo_domain::{BridgeId, Charge, DeliveryEvidence, Fact, Facts, NotSent, PacketId, Period, Plan, RefusedBy, Status, Timestamp};
use kosmo_store::{
    Store,
    messages::{AcceptError, Effect, GatewayOutcome, GatewayRecord, Grant, NewMessage, PageFrom, Receipt, SETTLE_AFTER, Said, Teller},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

/// How far apart two steps are: a few of them let a text run out of time, and a dozen reach the next period.
const STEP: Duration = Duration::from_mins(10);

/// What happens. Texts are named by their number modulo how many there are.
#[derive(Debug, Clone)]
enum Step {
    Accept,
    Learn(usize, Fact, u32),
    Claim(usize, bool),
    Tell(usize, bool, Receipt),
    Repeat,
    Expire,
    Settle,
    NextPeriod,
}

fn some_fact() -> impl Strategy<Value = Fact> {
    use DeliveryEvidence::{Ack, Reply};
    prop_oneof![
        Just(Fact::Offered),
        Just(Fact::HandedOver),
        Just(Fact::Transmitted),
        Just(Fact::Relayed),
        prop_oneof![Just(Ack), Just(Reply)].prop_map(Fact::Delivered),
        Just(Fact::Answered),
        (1_u32..4).prop_map(|code| Fact::Refused { code, by: RefusedBy::Radio }),
        prop_oneof![Just(NotSent::Expired), Just(NotSent::RadioRefused)].prop_map(Fact::NotSent),
        Just(Fact::Unknown),
    ]
}

fn some_receipt() -> impl Strategy<Value = Receipt> {
    prop_oneof![
        (0_u8..3).prop_map(|attempt| Receipt::HandedOver { attempt, packet_id: PacketId(70 + u32::from(attempt)), radio: RADIO }),
        Just(Receipt::Transmitted),
        Just(Receipt::Acknowledged { by: HUT, proven: false }),
        Just(Receipt::Acknowledged { by: RADIO, proven: true }),
        Just(Receipt::Refused { code: 5, by: RADIO }),
        Just(Receipt::NotSent(NotSent::Expired)),
        Just(Receipt::Unknown),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Accept),
        3 => (0..8_usize, some_fact(), 0..100_u32).prop_map(|(text, fact, ago)| Step::Learn(text, fact, ago)),
        3 => (0..8_usize, any::<bool>()).prop_map(|(text, roof)| Step::Claim(text, roof)),
        4 => (0..8_usize, proptest::bool::weighted(0.8), some_receipt()).prop_map(|(text, roof, receipt)| Step::Tell(text, roof, receipt)),
        1 => Just(Step::Repeat),
        1 => Just(Step::Expire),
        1 => Just(Step::Settle),
        1 => Just(Step::NextPeriod),
    ];
    proptest::collection::vec(step, 1..25)
}

/// What a text has to be.
struct Model {
    id: Uuid,
    period: Period,
    deadline: Timestamp,
    facts: Facts,
    charge: Charge,
}

impl Model {
    fn add(&mut self, fact: Fact, at: Timestamp) {
        self.facts.add(fact, at);
        self.charge = self.charge.then(self.facts.charge());
    }

    fn holder(&self) -> Option<&BridgeId> {
        self.facts.granted.as_ref().map(|(_, holder)| holder)
    }

    /// What a receipt of this bridge's says, if it is believed.
    fn believes(&self, bridge: &BridgeId, receipt: Receipt) -> Option<Fact> {
        match receipt {
            _ if self.holder() != Some(bridge) => None,
            Receipt::Claimed | Receipt::Waiting(_) => None,
            Receipt::HandedOver { .. } => Some(Fact::HandedOver),
            Receipt::Transmitted => Some(Fact::Transmitted),
            Receipt::Relayed => Some(Fact::Relayed),
            Receipt::Acknowledged { by, .. } => (by == HUT).then_some(Fact::Delivered(DeliveryEvidence::Ack)),
            Receipt::Refused { code, .. } => Some(Fact::Refused { code, by: RefusedBy::Radio }),
            Receipt::Unconfirmed => Some(Fact::Unconfirmed),
            Receipt::NotSent(reason) => Some(Fact::NotSent(reason)),
            Receipt::Unknown => Some(Fact::Unknown),
        }
    }
}

/// A member of their own in the store, and what has to have become of them.
struct World<'a> {
    store: &'a Store,
    user: Uuid,
    now: Timestamp,
    texts: Vec<Model>,
    roof: Outbox,
    cellar: Outbox,
    last: Option<GatewayRecord>,
}

impl World<'_> {
    async fn take(&mut self, step: Step) {
        self.now = self.now.plus(STEP);
        let count = self.texts.len().max(1);
        match step {
            Step::Accept => self.accept().await,
            Step::Learn(text, fact, ago) => {
                let Some(model) = self.texts.get_mut(text % count) else { return };
                let at = self.now.minus(STEP * ago);
                let change = self.store.add_facts(model.id, &[(fact.clone(), at)], &Teller::Cloud, self.now).await.unwrap().unwrap();
                model.add(fact, at);
                assert_eq!((change.after, change.charge), (model.facts.status(), model.charge));
            }
            Step::Claim(text, roof) => self.claim(text % count, roof).await,
            Step::Tell(text, roof, receipt) => self.tell(text % count, roof, receipt).await,
            Step::Repeat => {
                if let Some(record) = self.last.clone() {
                    let outcomes = self.store.commit_gateway_batch(&[record], WINDOW, self.now).await.unwrap();
                    assert_eq!(outcomes, [GatewayOutcome::Committed(Effect::Known)]);
                }
            }
            Step::Expire => {
                self.store.expire_never_granted(self.now, 1000).await.unwrap();
                let now = self.now;
                let open = |model: &&mut Model| model.holder().is_none() && !model.facts.is_settled() && model.deadline <= now;
                self.texts.iter_mut().filter(open).for_each(|model| model.add(Fact::NotSent(NotSent::NeverGranted), now));
            }
            Step::Settle => {
                self.store.settle_vanished(self.now, 1000).await.unwrap();
                let now = self.now;
                let silent = |model: &&mut Model| {
                    model.holder().is_some() && model.facts.status() == Status::Queued && model.deadline.plus(SETTLE_AFTER) <= now
                };
                self.texts.iter_mut().filter(silent).for_each(|model| model.add(Fact::Unknown, now));
            }
            Step::NextPeriod => self.now = self.now.plus(Duration::from_hours(31 * 24)),
        }
    }

    async fn accept(&mut self) {
        let id = Uuid::from_u128((self.user.as_u128() << 16) + self.texts.len() as u128);
        let new = NewMessage { id, user: self.user, deadline: self.now.plus(TTL), ..text(0, "hello") };
        match self.store.accept_message(&new, self.now).await {
            Ok(_) => self.texts.push(Model {
                id,
                period: Period::at(seconds(0), self.now),
                deadline: new.deadline,
                facts: Facts::default(),
                charge: Charge::Reserved,
            }),
            Err(AcceptError::QuotaExhausted { .. }) => panic!("fifty are more than there are steps"),
            Err(other) => panic!("{other}"),
        }
    }

    async fn claim(&mut self, text: usize, roof: bool) {
        let Some(model) = self.texts.get_mut(text) else { return };
        let bridge = bridge(if roof { "roof" } else { "cellar" });
        let grant = self.store.grant(model.id, &bridge, self.now).await.unwrap();
        let free = model.holder().is_none() && model.deadline > self.now;
        let open = matches!(model.facts.status(), Status::Pending | Status::Queued);
        assert_eq!(matches!(grant, Grant::Granted(_)), free && open, "{grant:?}");
        if free && open {
            model.add(Fact::Granted(bridge), self.now);
        }
    }

    async fn tell(&mut self, text: usize, roof: bool, receipt: Receipt) {
        let Some(model) = self.texts.get_mut(text) else { return };
        let (name, outbox) = if roof { ("roof", &mut self.roof) } else { ("cellar", &mut self.cellar) };
        let record = outbox.receipt(model.id, receipt, self.now);
        let outcome = self.store.commit_gateway_batch(std::slice::from_ref(&record), WINDOW, self.now).await.unwrap().remove(0);
        let fact = model.believes(&bridge(name), receipt);
        assert_eq!(matches!(outcome, GatewayOutcome::Committed(_)), fact.is_some(), "{outcome:?}");
        if let Some(fact) = fact {
            model.add(fact, self.now);
        }
        self.last = Some(record);
    }

    /// Holds the store to the model.
    async fn check(&self) -> Result<(), TestCaseError> {
        let mut ledger: BTreeMap<Timestamp, (u64, u64)> = BTreeMap::new();
        for model in &self.texts {
            let (reserved, committed) = ledger.entry(model.period.start).or_default();
            match model.charge {
                Charge::Reserved => *reserved += 1,
                Charge::Committed => *committed += 1,
                Charge::Released => {}
            }
        }
        for (start, expected) in ledger {
            let quota = self.store.quota(self.user, start).await.unwrap().unwrap();
            prop_assert_eq!((quota.reserved, quota.committed), expected, "the period from {}", start);
        }
        let said = self.store.conversation(self.user, HUT, PageFrom::After(0), 200).await.unwrap();
        prop_assert_eq!(said.len(), self.texts.len());
        for (said, model) in said.iter().zip(&self.texts) {
            let Said::Sent(row) = said else { return Err(TestCaseError::fail("nobody answered")) };
            prop_assert_eq!((row.id, &row.facts, row.status, row.charge), (model.id, &model.facts, model.facts.status(), model.charge));
        }
        let events = self.store.member_events(self.user, 0, 500).await.unwrap();
        prop_assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "events are numbered without a gap");
        Ok(())
    }
}

async fn run(store: &Store, number: u32, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let user = Uuid::from_u128(0x1_0000 + u128::from(number));
    join(store, user, &format!("m{number}"), Plan::Wanderer).await;
    store.set_plan(user, Plan::Wanderer, seconds(0)).await.unwrap();
    let (roof, cellar) = (Outbox::at("roof", u64::from(number) * 1_000), Outbox::at("cellar", u64::from(number) * 1_000));
    let mut world = World { store, user, now: seconds(0), texts: Vec::new(), roof, cellar, last: None };
    for step in steps {
        world.take(step).await;
    }
    world.check().await
}

fn check_everything(fixture: impl Future<Output = stores::Fixture>, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fixture = runtime.block_on(fixture);
    let number = std::cell::Cell::new(0);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    TestRunner::new(config)
        .run(&steps(), |steps| {
            number.set(number.get() + 1);
            runtime.block_on(run(&fixture.store, number.get(), steps))
        })
        .unwrap();
}

#[test]
fn quota_and_statuses_are_conserved_on_sqlite() {
    check_everything(stores::sqlite(), 64);
}

#[test]
fn quota_and_statuses_are_conserved_on_postgres() {
    check_everything(stores::postgres(), 32);
}
