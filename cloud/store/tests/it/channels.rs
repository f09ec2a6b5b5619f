//! Channels: kept once, sealed, private until made public.

use crate::stores::at;
use kosmo_domain::Timestamp;
use kosmo_store::{ChannelAdded, ChannelSource, Error, NewChannel, Vault, Visibility};
use uuid::Uuid;

fn noon() -> Timestamp {
    at("2026-06-01T12:00:00Z")
}

fn vault() -> Vault {
    Vault::new([7; 32])
}

fn channel<'a>(number: u8, name: &'a str, key: &'a [u8]) -> NewChannel<'a> {
    let nonce = [number; 24];
    NewChannel {
        id: Uuid::from_u128(u128::from(number)),
        name,
        hash: 8,
        key,
        visibility: Visibility::Private,
        source: &ChannelSource::Operator,
        nonce,
    }
}

store_test! {
    async fn a_channel_is_kept_once_and_its_key_comes_back(store: Store) {
        let family = channel(1, "Family", &[9; 32]);
        assert_eq!(store.add_channel(&vault(), &family, noon()).await.unwrap(), ChannelAdded::New(family.id));
        let told_again = NewChannel { source: &ChannelSource::Bridge("roof".parse().unwrap()), ..channel(2, "Family", &[9; 32]) };
        assert_eq!(store.add_channel(&vault(), &told_again, noon()).await.unwrap(), ChannelAdded::Known(family.id));
        let other_key = channel(3, "Family", &[8; 16]);
        assert_eq!(store.add_channel(&vault(), &other_key, noon()).await.unwrap(), ChannelAdded::New(other_key.id));

        let rows = store.channels().await.unwrap();
        assert_eq!(rows.iter().map(|row| (row.id, row.key_bytes)).collect::<Vec<_>>(), [(family.id, Some(32)), (other_key.id, Some(16))]);
        assert_eq!((rows[0].source.clone(), rows[0].visibility, rows[0].added_at), (ChannelSource::Operator, Visibility::Private, noon()));
        let open = store.open_channels(&vault()).await.unwrap();
        assert_eq!((open.closed, open.channels[0].key.as_slice(), open.channels[1].key.as_slice()), (0, &[9; 32][..], &[8; 16][..]));
    }

    async fn what_a_bridge_tells_of_is_private_and_has_no_key_until_an_operator_gives_one(store: Store) {
        let (bridge, family) = ("roof".parse().unwrap(), channel(1, "Family", &[9; 32]));
        let told = [("Family".to_owned(), family.hash), ("LongFast".to_owned(), 8)];
        assert_eq!(store.note_channels(&bridge, &told, noon()).await.unwrap(), 2);
        assert_eq!(store.note_channels(&"hill".parse().unwrap(), &told, noon()).await.unwrap(), 0);
        let rows = store.channels().await.unwrap();
        assert!(rows.iter().all(|row| row.key_bytes.is_none() && row.visibility == Visibility::Private));
        assert_eq!(rows[0].source, ChannelSource::Bridge(bridge.clone()));
        let open = store.open_channels(&vault()).await.unwrap();
        assert_eq!((open.channels.len(), open.closed), (0, 0), "nobody can read with no key, and none is missing");

        // Made public before its key was known, it stays so.
        let id = rows.iter().find(|row| row.name == "Family").unwrap().id;
        store.set_channel_visibility(id, Visibility::Public, noon()).await.unwrap();
        assert_eq!(store.add_channel(&vault(), &family, noon()).await.unwrap(), ChannelAdded::New(id));
        let open = store.open_channels(&vault()).await.unwrap();
        assert_eq!((open.channels.len(), &open.channels[0].key[..], open.channels[0].visibility), (1, &[9; 32][..], Visibility::Public));
        assert_eq!(store.note_channels(&bridge, &told, noon()).await.unwrap(), 0);
        assert_eq!(store.add_channel(&vault(), &channel(5, "Family", &[9; 32]), noon()).await.unwrap(), ChannelAdded::Known(id));
        assert_eq!(store.channels().await.unwrap().len(), 2);

        let flood: Vec<_> = (0..700).map(|number| (format!("c{number}"), 1)).collect();
        assert_eq!(store.note_channels(&bridge, &flood, noon()).await.unwrap(), 499);
    }

    async fn without_the_key_that_sealed_them_channels_are_counted_and_stay(store: Store) {
        store.add_channel(&vault(), &channel(1, "Family", &[9; 32]), noon()).await.unwrap();
        let elsewhere = Vault::new([8; 32]);
        let open = store.open_channels(&elsewhere).await.unwrap();
        assert_eq!((open.channels.len(), open.closed), (0, 1));
        store.add_channel(&elsewhere, &channel(2, "Family", &[9; 32]), noon()).await.unwrap();
        let open = store.open_channels(&elsewhere).await.unwrap();
        assert_eq!((open.channels.len(), open.closed), (1, 1));
        assert_eq!(store.channels().await.unwrap()[0].sealed_by, vault().name());
    }

    async fn a_channel_is_private_until_it_is_made_public(store: Store) {
        let family = channel(1, "Family", &[9; 32]);
        store.add_channel(&vault(), &family, noon()).await.unwrap();
        assert!(store.set_channel_visibility(family.id, Visibility::Public, noon()).await.unwrap());
        let row = store.channels().await.unwrap().remove(0);
        assert_eq!((row.visibility, row.published_at), (Visibility::Public, Some(noon())));
        assert!(store.set_channel_visibility(family.id, Visibility::Private, noon()).await.unwrap());
        assert_eq!(store.channels().await.unwrap()[0].published_at, None);
        assert!(store.remove_channel(family.id).await.unwrap());
        assert!(!store.remove_channel(family.id).await.unwrap());
        assert!(!store.set_channel_visibility(family.id, Visibility::Public, noon()).await.unwrap());
    }

    async fn a_name_longer_than_any_channel_s_is_refused(store: Store) {
        let long = "x".repeat(33);
        let refused = store.add_channel(&vault(), &channel(1, &long, &[]), noon()).await;
        assert!(matches!(refused, Err(Error::TooLarge { .. })));
    }
}

#[tokio::test]
async fn the_database_s_file_has_no_key_in_it() {
    let fixture = crate::stores::sqlite().await;
    let key = b"a key that nobody shall find....";
    fixture.store.add_channel(&vault(), &channel(1, "Family", key), noon()).await.unwrap();
    fixture.store.close().await;
    let folder = fixture.sqlite_path().unwrap().parent().unwrap().to_owned();
    for file in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(key.len()).any(|window| window == key));
    }
}
