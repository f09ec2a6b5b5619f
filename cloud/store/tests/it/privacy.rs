//! What bridges hear that is not for everybody: private channels, and nodes that do not agree.

use crate::{
    spools::{KNOWN, NEW, Spool, in_packet, node},
    stores::at,
};
use kosmo_domain::{Metric, NodeId, Timestamp};
use kosmo_store::{
    Store, Visibility,
    ingest::{Outcome, Privacy, Record},
    network::NotShown,
};
use std::time::Duration;

const FAMILY: (&str, u8) = ("Family", 9);

fn minutes(minutes: u64) -> Timestamp {
    at("2026-06-01T12:00:00Z").plus(Duration::from_secs(60 * minutes))
}

fn who(agrees: Option<bool>) -> Privacy {
    Privacy { agrees, private_channel: None }
}

fn family() -> Privacy {
    Privacy { agrees: Some(true), private_channel: Some((FAMILY.0.to_owned(), FAMILY.1)) }
}

/// A temperature in a packet.
fn measured(spool: &mut Spool, from: NodeId, id: u32, minute: u64, privacy: Privacy) -> Record {
    let record = spool.reading(from, minutes(minute), &[(Metric::Temperature, 20.0)]);
    Record { privacy: Some(privacy), ..in_packet(record, from, id, minutes(minute), 5.0) }
}

/// Returns the nodes that are shown.
async fn shown(store: &Store) -> Vec<NodeId> {
    store.list_nodes(None, Timestamp::EPOCH, 10).await.unwrap().into_iter().map(|row| row.node.node).collect()
}

store_test! {
    async fn what_is_heard_on_a_private_channel_is_withheld_until_it_is_published(store: Store) {
        let mut spool = Spool::of("roof");
        let told = [(FAMILY.0.to_owned(), FAMILY.1)];
        store.note_channels(&"roof".parse().unwrap(), &told, minutes(0)).await.unwrap();
        let open = measured(&mut spool, node(1), 1, 1, who(Some(true)));
        let secret = measured(&mut spool, node(2), 2, 1, family());
        // One that is heard on both is not told of by what it says among friends.
        let both = measured(&mut spool, node(1), 3, 2, family());
        let refused = Record { privacy: Some(family()), ..spool.rejected("out_of_range") };
        let batch = [open.clone(), secret.clone(), both, refused];
        let stored = store.ingest(&batch, minutes(3)).await.unwrap();
        assert_eq!(stored, [NEW, Outcome::Withheld, Outcome::Withheld, Outcome::Withheld]);
        assert_eq!(shown(&store).await, [node(1)]);
        assert!(store.node(node(2)).await.unwrap().is_none());
        let detail = store.node(node(1)).await.unwrap().unwrap();
        assert_eq!(detail.node.last_heard, minutes(1), "not even when it was heard is told");
        assert_eq!(store.readings(node(1), minutes(0), minutes(9), None, 10).await.unwrap().unwrap().len(), 1);
        assert!(store.reject_counts().await.unwrap().is_empty(), "a refusal would keep the whole record");
        let expect = NotShown { nodes: 0, channels: 1, withheld: 3, withheld_at: Some(minutes(3)) };
        assert_eq!(store.not_shown().await.unwrap(), expect);
        assert_eq!(store.ingest(&batch, minutes(4)).await.unwrap(), [KNOWN; 4], "it is answered for, and its bridge keeps it no longer");
        assert_eq!(store.not_shown().await.unwrap(), expect);

        let channel = store.channels().await.unwrap().remove(0);
        store.set_channel_visibility(channel.id, Visibility::Public, minutes(5)).await.unwrap();
        let published = measured(&mut spool, node(2), 4, 6, family());
        assert_eq!(store.ingest(&[published], minutes(6)).await.unwrap(), [NEW]);
        assert_eq!(shown(&store).await, [node(1), node(2)]);
        let readings = store.readings(node(2), minutes(0), minutes(9), None, 10).await.unwrap().unwrap();
        assert_eq!(readings.len(), 1, "what was learnt before is not there");
    }

    async fn a_node_is_shown_once_it_agrees_and_hidden_once_it_does_not(store: Store) {
        let mut spool = Spool::of("roof");
        let mut ids = 0;
        let mut say = async |minute, agrees| {
            ids += 1;
            let record = measured(&mut spool, node(1), ids, minute, who(agrees));
            assert_eq!(store.ingest(&[record], minutes(minute)).await.unwrap(), [NEW]);
            shown(&store).await.len()
        };
        assert_eq!(say(1, None).await, 0, "unknown is no");
        assert_eq!(say(2, Some(true)).await, 1);
        assert_eq!(say(3, None).await, 1, "who once agreed need not say so again");
        assert_eq!(say(4, Some(false)).await, 0);
        assert_eq!(say(5, None).await, 0);
        assert_eq!(say(7, Some(true)).await, 1);
        assert_eq!(say(6, Some(false)).await, 1, "a word that comes late changes nothing");
        assert_eq!(store.not_shown().await.unwrap().nodes, 0);
        let readings = store.readings(node(1), minutes(0), minutes(9), None, 10).await.unwrap().unwrap();
        assert_eq!(readings.len(), 7, "all of it was kept");
    }

    async fn what_a_bridge_does_not_tell_of_privacy_is_shown(store: Store) {
        let mut spool = Spool::of("roof");
        let record = spool.reading(node(1), minutes(1), &[(Metric::Temperature, 20.0)]);
        store.ingest(&[record], minutes(1)).await.unwrap();
        assert_eq!(shown(&store).await, [node(1)]);
    }

    async fn in_one_batch_the_last_word_counts(store: Store) {
        let mut spool = Spool::of("roof");
        let batch = [
            measured(&mut spool, node(1), 1, 3, who(Some(false))),
            measured(&mut spool, node(1), 2, 2, who(Some(true))),
            measured(&mut spool, node(2), 3, 1, who(None)),
            measured(&mut spool, node(2), 4, 2, who(Some(true))),
            measured(&mut spool, node(3), 5, 1, who(None)),
        ];
        store.ingest(&batch, minutes(4)).await.unwrap();
        assert_eq!(shown(&store).await, [node(2)]);
        assert_eq!(store.not_shown().await.unwrap().nodes, 2);
    }
}
