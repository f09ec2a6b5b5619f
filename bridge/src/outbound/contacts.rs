//! Which nodes the radio can encrypt for. It remembers some 40 to 100 of them and forgets those it has not heard for longest, keys and
//! all; a text to one of these would be refused. So it is told of the node again before it is given the text, if it may have forgotten.

use kosmo_contract::Contact as Offered;
use kosmo_domain::{NodeId, PacketId, Uptime};
use kosmo_meshtastic::{node::UserInfo, outgoing::Contact, radio::RadioState};
use std::{collections::BTreeMap, time::Duration};

/// For how long a radio surely remembers what it was told, or told itself in its handshake.
const REMEMBERED: Duration = Duration::from_hours(1);
/// How many nodes' keys are kept here.
const MAX_KNOWN: usize = 2000;

/// What the radio knows, and what it can be told.
#[derive(Debug, Default)]
pub(crate) struct Contacts {
    /// The keys that it had at its handshake, and when that was.
    in_radio: BTreeMap<NodeId, [u8; 32]>,
    since: Uptime,
    /// Which it was told since.
    added: BTreeMap<NodeId, ([u8; 32], Uptime)>,
    /// What it is being told.
    adding: Option<(PacketId, NodeId)>,
    /// What was heard of nodes by any radio here: of each the first key, unless a radio says itself that it is another one.
    heard: BTreeMap<NodeId, Contact>,
}

impl Contacts {
    /// Takes in what a radio remembers at its handshake.
    pub(crate) fn on_ready(&mut self, radio: &RadioState, now: Uptime) {
        self.in_radio.clear();
        self.added.clear();
        (self.since, self.adding) = (now, None);
        for (node, user) in radio.nodes.iter().filter_map(|node| Some((node.node, node.user.as_ref()?))) {
            let Some(key) = user.public_key else { continue };
            self.in_radio.insert(node, key);
            self.heard.remove(&node);
            self.on_user(node, user);
        }
    }

    /// Takes in who a node says it is. Anybody can say that of any node, so that a key that is known stays.
    pub(crate) fn on_user(&mut self, node: NodeId, user: &UserInfo) {
        let Some(public_key) = user.public_key else { return };
        if self.heard.contains_key(&node) || self.heard.len() >= MAX_KNOWN {
            return;
        }
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        self.heard.insert(node, Contact { node, public_key, long_name: name(&user.long_name), short_name: name(&user.short_name) });
    }

    /// Returns what the radio is to be told before it is given a text to this node; nothing if it knows, or nobody does.
    ///
    /// A key that the radio has is replaced by one of the cloud's only if the text's writer has confirmed that one.
    pub(crate) fn due(&self, to: NodeId, offered: Option<&Offered>, now: Uptime) -> Option<Contact> {
        let known = self.in_radio.get(&to);
        let is_confirmed = offered.is_some_and(|offered| offered.confirmed);
        let offered = offered
            .and_then(|offered| read(to, offered))
            .filter(|offered| is_confirmed || known.is_none_or(|key| *key == offered.public_key));
        let contact = offered.or_else(|| self.heard.get(&to).cloned())?;
        let is_fresh = |at: Uptime| now < at.plus(REMEMBERED);
        let has_it = known == Some(&contact.public_key) && is_fresh(self.since);
        let was_told = self.added.get(&to).is_some_and(|(key, at)| *key == contact.public_key && is_fresh(*at));
        (!has_it && !was_told).then_some(contact)
    }

    /// Notes that the radio is told of a node, in this packet.
    pub(crate) fn note_adding(&mut self, packet: PacketId, contact: &Contact, now: Uptime) {
        self.adding = Some((packet, contact.node));
        self.added.insert(contact.node, (contact.public_key, now));
    }

    /// Notes whether a packet was written to the radio, and tells whether it was one of these.
    pub(crate) fn on_hand_over(&mut self, packet: PacketId, is_written: bool) -> bool {
        let Some((_, node)) = self.adding.take_if(|(adding, _)| *adding == packet) else { return false };
        if !is_written {
            self.added.remove(&node);
        }
        true
    }

    /// Notes that the radio says that it has no key of a node, and tells whether it can be told one.
    pub(crate) fn on_missing(&mut self, node: NodeId, offered: Option<&Offered>) -> bool {
        self.in_radio.remove(&node);
        self.added.remove(&node);
        offered.is_some() || self.heard.contains_key(&node)
    }
}

fn read(node: NodeId, offered: &Offered) -> Option<Contact> {
    let public_key = offered.public_key.as_bytes().try_into().ok()?;
    let long_name = offered.long_name.as_deref().unwrap_or_default().to_owned();
    let short_name = offered.short_name.as_deref().unwrap_or_default().to_owned();
    Some(Contact { node, public_key, long_name, short_name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_contract::Base64Bytes;
    use kosmo_meshtastic::{node::NodeInfo, proto};

    const ANA: NodeId = NodeId::from_number(0xa1b2_c3d4);

    fn at(minutes: u64) -> Uptime {
        Uptime(Duration::from_mins(minutes))
    }

    fn radio(keys: &[(NodeId, u8)]) -> RadioState {
        let node = |&(node, key): &(NodeId, u8)| {
            let user = proto::User { public_key: vec![key; 32], ..Default::default() };
            NodeInfo::read(&proto::NodeInfo { num: node.number(), user: Some(user), ..Default::default() })
        };
        RadioState { nodes: keys.iter().map(node).collect(), ..RadioState::new(NodeId::from_number(0x4daa_1001)) }
    }

    fn offered(key: u8, confirmed: bool) -> Offered {
        Offered { public_key: Base64Bytes::try_from(vec![key; 32]).unwrap(), long_name: None, short_name: None, confirmed }
    }

    fn due(contacts: &Contacts, offered: Option<&Offered>, minutes: u64) -> Option<u8> {
        contacts.due(ANA, offered, at(minutes)).map(|contact| contact.public_key[0])
    }

    #[test]
    fn a_radio_is_told_what_it_does_not_know_or_may_have_forgotten_and_not_each_time() {
        let mut contacts = Contacts::default();
        contacts.on_ready(&radio(&[]), at(0));
        assert_eq!(due(&contacts, None, 0), None, "nobody knows a key");
        assert_eq!(due(&contacts, Some(&offered(7, false)), 0), Some(7));
        let contact = contacts.due(ANA, Some(&offered(7, false)), at(0)).unwrap();
        contacts.note_adding(PacketId(5), &contact, at(0));
        assert!(contacts.on_hand_over(PacketId(5), true));
        assert_eq!((due(&contacts, Some(&offered(7, false)), 59), due(&contacts, Some(&offered(7, false)), 60)), (None, Some(7)));

        contacts.on_ready(&radio(&[(ANA, 7)]), at(100));
        assert_eq!((due(&contacts, None, 110), due(&contacts, None, 161)), (None, Some(7)), "what the handshake told is known here");
        contacts.on_ready(&radio(&[]), at(200));
        assert_eq!(due(&contacts, None, 200), Some(7), "and is told to the next radio");
    }

    #[test]
    fn what_was_not_written_is_not_known_and_a_radio_that_misses_a_key_is_told_it() {
        let mut contacts = Contacts::default();
        contacts.on_ready(&radio(&[(ANA, 7)]), at(0));
        assert!(contacts.on_missing(ANA, None));
        assert_eq!(due(&contacts, None, 1), Some(7));
        let contact = contacts.due(ANA, None, at(1)).unwrap();
        contacts.note_adding(PacketId(5), &contact, at(1));
        assert!(contacts.on_hand_over(PacketId(5), false) && !contacts.on_hand_over(PacketId(5), true));
        assert_eq!(due(&contacts, None, 1), Some(7));
        assert!(!Contacts::default().on_missing(ANA, None));
    }

    #[test]
    fn a_key_that_the_radio_knows_gives_way_only_to_one_that_its_writer_confirmed() {
        let mut contacts = Contacts::default();
        contacts.on_ready(&radio(&[(ANA, 7)]), at(0));
        assert_eq!(due(&contacts, Some(&offered(9, false)), 0), None);
        assert_eq!(due(&contacts, Some(&offered(9, true)), 0), Some(9));
        let forged = UserInfo::read(&proto::User { public_key: vec![9; 32], ..Default::default() });
        contacts.on_user(ANA, &forged);
        assert_eq!(due(&contacts, None, 70), Some(7));
    }
}
