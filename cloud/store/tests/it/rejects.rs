//! What was refused.

use crate::stores::at;
use kosmo_domain::{Epoch, Stream};
use kosmo_store::rejects::{MAX_PAYLOAD, NewReject, RecordName, RejectFilter, ReplayOutcome};
use std::time::Duration;

fn record(seq: u64) -> RecordName {
    RecordName { bridge: "roof".parse().unwrap(), epoch: Epoch::from_random(7), stream: Stream::Ingest, seq }
}

fn reject<'a>(record: Option<&'a RecordName>, code: &'a str, field: &'a str) -> NewReject<'a> {
    NewReject { record, topic: "kosmo/mesh/reading/roof", payload: br#"{"v":1}"#, whole: field.is_empty(), code, field, detail: "it is so" }
}

store_test! {
    async fn what_was_refused_is_kept_as_it_came(store: Store) {
        let (now, record) = (at("2026-04-12T15:30:15.000001Z"), record(9_007_199_254_740_993));
        let new = NewReject { payload: b"\0\xff\"", ..reject(Some(&record), "out_of_range", "temperature_c") };
        assert_eq!(store.add_rejects(&[new], now).await.unwrap(), 1);

        let rows = store.rejects(&RejectFilter::default(), None, 10).await.unwrap();
        assert_eq!(store.reject(rows[0].id).await.unwrap().as_ref(), Some(&rows[0]));
        let row = &rows[0];
        assert_eq!((row.received_at, row.record.as_ref()), (now, Some(&record)));
        assert_eq!((row.topic.as_str(), row.payload.as_slice()), ("kosmo/mesh/reading/roof", &b"\0\xff\""[..]));
        assert_eq!((row.code.as_str(), row.field.as_str(), row.detail.as_str()), ("out_of_range", "temperature_c", "it is so"));
        assert_eq!((row.truncated, row.whole, row.replayed_at, row.outcome), (false, false, None, None));
    }

    async fn a_record_that_is_sent_again_is_refused_once_for_each_field(store: Store) {
        let (now, first, second) = (at("2026-04-12T15:30:15Z"), record(1), record(2));
        let batch = [reject(Some(&first), "out_of_range", "iaq"), reject(Some(&first), "out_of_range", "co2_ppm"), reject(Some(&second), "malformed", "")];
        assert_eq!(store.add_rejects(&batch, now).await.unwrap(), 3);
        assert_eq!(store.add_rejects(&batch, now).await.unwrap(), 0);
        let nameless = [reject(None, "not_json", ""), reject(None, "not_json", "")];
        assert_eq!(store.add_rejects(&nameless, now).await.unwrap(), 2);
    }

    async fn absurd_input_is_cut_and_kept(store: Store) {
        let (now, payload) = (at("2026-04-12T15:30:15Z"), vec![0; 1_000_000]);
        let topic = "ü\0".repeat(100_000);
        let new = NewReject { topic: &topic, payload: &payload, detail: &topic, code: &topic, field: &topic, ..reject(None, "", "") };
        store.add_rejects(&[new], now).await.unwrap();
        let row = store.rejects(&RejectFilter::default(), None, 1).await.unwrap().remove(0);
        assert!(row.truncated);
        assert_eq!(row.payload.len(), MAX_PAYLOAD);
        assert!(row.topic.starts_with("ü ü ") && row.detail.starts_with("ü ü ") && row.detail.len() <= 1024);
    }

    async fn a_number_too_large_for_a_column_is_an_error_and_no_panic(store: Store) {
        let record = record(u64::MAX);
        assert!(store.add_rejects(&[reject(Some(&record), "malformed", "")], at("2026-04-12T15:30:15Z")).await.is_err());
    }

    async fn rejects_are_listed_newest_first_by_page_and_filter(store: Store) {
        let now = at("2026-04-12T15:30:15Z");
        let records: Vec<_> = (1..=5).map(record).collect();
        for (index, record) in records.iter().enumerate() {
            let code = if index % 2 == 0 { "even" } else { "odd" };
            store.add_rejects(&[reject(Some(record), code, "")], now).await.unwrap();
        }
        store.add_rejects(&[reject(None, "even", "")], now).await.unwrap();

        let all = RejectFilter::default();
        let first = store.rejects(&all, None, 4).await.unwrap();
        let second = store.rejects(&all, Some(first[3].id), 4).await.unwrap();
        let seqs: Vec<_> = first.iter().chain(&second).map(|row| row.record.as_ref().map(|record| record.seq)).collect();
        assert_eq!(seqs, [None, Some(5), Some(4), Some(3), Some(2), Some(1)]);

        let even = RejectFilter { code: Some("even".to_owned()), bridge: Some("roof".parse().unwrap()), open: true };
        assert_eq!(store.rejects(&even, None, 100).await.unwrap().len(), 3);
        let other = RejectFilter { bridge: Some("cellar".parse().unwrap()), ..RejectFilter::default() };
        assert!(store.rejects(&other, None, 100).await.unwrap().is_empty());
    }

    async fn a_replay_is_noted_until_one_was_accepted(store: Store) {
        let (now, later) = (at("2026-04-12T15:30:15Z"), at("2026-04-13T00:00:00Z"));
        store.add_rejects(&[reject(None, "not_json", ""), reject(None, "not_json", ""), reject(None, "too_old", "")], now).await.unwrap();
        let id = store.rejects(&RejectFilter::default(), None, 1).await.unwrap()[0].id;
        assert!(store.mark_replayed(id, ReplayOutcome::Refused, now).await.unwrap());
        assert!(store.mark_replayed(id, ReplayOutcome::Accepted, later).await.unwrap());
        assert!(!store.mark_replayed(id, ReplayOutcome::Refused, later).await.unwrap());
        assert!(!store.mark_replayed(id + 100, ReplayOutcome::Accepted, later).await.unwrap());

        let row = store.reject(id).await.unwrap().unwrap();
        assert_eq!((row.replayed_at, row.outcome), (Some(later), Some(ReplayOutcome::Accepted)));
        let open = RejectFilter { open: true, ..RejectFilter::default() };
        assert_eq!(store.rejects(&open, None, 10).await.unwrap().len(), 2);
        let counts: Vec<_> = store.reject_counts().await.unwrap().into_iter().map(|count| (count.code, count.total, count.open)).collect();
        assert_eq!(counts, [("not_json".to_owned(), 2, 2), ("too_old".to_owned(), 1, 0)]);
    }

    async fn old_rejects_and_too_many_are_purged(store: Store) {
        let now = at("2026-04-12T15:30:15Z");
        for hours in 0..6 {
            store.add_rejects(&[reject(None, "not_json", "")], now.plus(Duration::from_hours(hours))).await.unwrap();
        }
        assert_eq!(store.purge_rejects(now.plus(Duration::from_hours(1)), 100).await.unwrap(), 1);
        assert_eq!(store.purge_rejects(now, 3).await.unwrap(), 2);
        assert_eq!(store.purge_rejects(now, 3).await.unwrap(), 0);
        let left = store.rejects(&RejectFilter::default(), None, 10).await.unwrap();
        assert_eq!(left.iter().map(|row| row.received_at.since(now).as_secs() / 3600).collect::<Vec<_>>(), [5, 4, 3]);
    }
}
