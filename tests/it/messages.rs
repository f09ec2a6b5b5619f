//! The journey of a message through real processes: web, gateway, bridge, radio, person, and back.

use crate::steps::{ANA, BEN, CLEO, DORA, accepted, attach, cloud_of_members, text_to, wait_for};
use kosmo_sim::{Person, region};
use kosmo_tests::{Air, Setup, on_both_footings, until};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The Meshtastic port of texts.
const TEXT: u32 = 1;

on_both_footings! {
    async fn a_text_arrives_with_its_senders_handle_and_the_answer_reaches_that_member_alone(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let air = Air::peopled(1, &[], 20).await;
        let _bridge = attach(&mut cloud, &air, 0, "roof").await;

        let location = accepted(&cloud, ANA, region::LENA, "Hello mesh").await;

        let message = wait_for(&cloud, ANA, &location, |message| message["status"] == "delivered" && message["answered_at"].is_string()).await;
        assert!(["ack", "reply"].contains(&message["evidence"].as_str().unwrap()), "{message:#}");
        for time in ["created_at", "queued_at", "granted_at", "handed_over_at", "delivered_at", "answered_at"] {
            assert!(message[time].is_string(), "{time} is missing: {message:#}");
        }
        assert_eq!(message["charge"], "committed");
        let shown = air.mesh.shown(region::LENA);
        assert_eq!(shown.iter().map(|shown| shown.text.as_str()).collect::<Vec<_>>(), ["ana: Hello mesh"]);
        let conversation = format!("/api/v1/messages/conversations/{}", region::LENA);
        let (_, of_ana) = cloud.read(ANA, &conversation).await;
        let directions: Vec<_> = of_ana["data"].as_array().unwrap().iter().map(|text| text["direction"].as_str().unwrap()).collect();
        assert_eq!(directions, ["out", "in"], "{of_ana:#}");
        let (_, of_cleo) = cloud.read(CLEO, &conversation).await;
        assert_eq!(of_cleo["data"], json!([]));
        assert_eq!(cloud.read(CLEO, &location).await.0, 404);
    }
}

on_both_footings! {
    async fn each_kind_of_person_ends_in_the_status_that_its_evidence_allows(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let air = Air::peopled(1, &Person::ALL, 20).await;
        let _bridge = attach(&mut cloud, &air, 0, "roof").await;
        let mut texts = BTreeMap::new();
        for person in Person::ALL {
            texts.insert(person, accepted(&cloud, CLEO, region::person(person), "are you there?").await);
        }

        for (person, location) in &texts {
            let expected = match person {
                Person::Answers
                | Person::Silent
                | Person::BehindRelay
                | Person::LateAck
                | Person::LateAnswer
                | Person::Faint
                | Person::AckReplayed
                | Person::Forger => "delivered",
                Person::OffBehindRelay | Person::AckedByAnother | Person::AckedOverMqtt => "transmitted",
                Person::Off | Person::Refuses | Person::RefusesKey | Person::NoKey | Person::EchoedOverMqtt => "failed",
            };
            // That a relay was heard may be known after the time is over that sending takes.
            let relayed = matches!(person, Person::BehindRelay | Person::OffBehindRelay);
            let is_over = |message: &Value| message["status"] == expected && (!relayed || message["relayed_at"].is_string());
            let message = wait_for(&cloud, CLEO, location, is_over).await;
            // The best evidence is told, and an answer may have come by now; the way says what came first.
            let evidence = message["evidence"].as_str();
            let acknowledged = message["timeline"].as_array().unwrap().iter().any(|happening| happening["evidence"] == "ack");
            match person {
                Person::LateAnswer => assert_eq!((evidence, acknowledged), (Some("reply"), false), "{person:?}: {message:#}"),
                _ if expected == "delivered" => assert!(evidence.is_some() && acknowledged, "{person:?}: {message:#}"),
                _ => assert_eq!((evidence, acknowledged), (None, false), "{person:?}: {message:#}"),
            }
            let charge = if *person == Person::NoKey { "released" } else { "committed" };
            assert_eq!(message["charge"], charge, "{person:?}: {message:#}");
        }
        // A second text to somebody whose first acknowledgement is sent again for it: nobody confirmed this one.
        let fooled = region::person(Person::AckReplayed);
        let again = accepted(&cloud, CLEO, fooled, "and now?").await;
        let message = wait_for(&cloud, CLEO, &again, |message| message["status"] == "failed").await;
        let packet = message["timeline"].as_array().unwrap().iter().find_map(|happening| happening["packet_id"].as_u64()).unwrap();
        until("the acknowledgement is forged", || {
            let forged = air.mesh.air_log().iter().any(|heard| heard.from == fooled && heard.sender != fooled && heard.about.is_some());
            std::future::ready(forged.then_some(()))
        })
        .await;
        assert!(air.mesh.air_log().iter().any(|heard| u64::from(heard.id.0) == packet), "the text itself was on the air");
        assert_eq!(cloud.read(CLEO, &again).await.1["evidence"], Value::Null);
        for person in Person::ALL {
            let shown = air.mesh.shown(region::person(person));
            let mut texts: Vec<_> = shown.iter().map(|shown| (shown.from, shown.id)).collect();
            texts.sort_unstable();
            texts.dedup();
            assert_eq!(texts.len(), shown.len(), "{person:?} was shown a text twice");
        }
    }
}

on_both_footings! {
    async fn of_two_bridges_one_is_granted_each_text_also_when_bridges_die(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let air = Air::peopled(2, &[Person::Silent], 20).await;
        let mut north = attach(&mut cloud, &air, 0, "north").await;
        let mut south = attach(&mut cloud, &air, 1, "south").await;
        let mut texts = Vec::new();
        for number in 0..6 {
            texts.push(accepted(&cloud, CLEO, region::person(Person::Silent), &format!("number {number}")).await);
            if number == 2 {
                north.kill();
                north.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
            }
            if number == 4 {
                south.kill();
                south.start(air.mesh.radio(1).address(), cloud.address("mqtt"));
            }
        }

        for location in &texts {
            wait_for(&cloud, CLEO, location, |message| message["status"] == "delivered").await;
        }
        let shown = air.mesh.shown(region::person(Person::Silent));
        let mut words: Vec<_> = shown.iter().map(|shown| shown.text.clone()).collect();
        words.sort_unstable();
        assert_eq!(words, (0..6).map(|number| format!("cleo: number {number}")).collect::<Vec<_>>(), "each was shown once");
        let heard = air.mesh.air_log();
        let texts = heard.iter().filter(|heard| heard.port == TEXT && heard.to == region::person(Person::Silent));
        let packets: BTreeSet<_> = texts.map(|heard| (heard.from, heard.id)).collect();
        assert_eq!(packets.len(), 6, "each text was on the air under one sender and id: {packets:?}");
    }
}

on_both_footings! {
    async fn a_dozen_texts_at_once_arrive_in_order_and_say_what_they_wait_for(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let air = Air::peopled(1, &[Person::Silent], 20).await;
        let _bridge = attach(&mut cloud, &air, 0, "roof").await;
        let mut texts = Vec::new();
        for number in 0..12 {
            texts.push(accepted(&cloud, CLEO, region::person(Person::Silent), &format!("number {number:02}")).await);
        }

        let waiting = wait_for(&cloud, CLEO, texts.last().unwrap(), |message| message["waits_for"]["reason"] == "turn").await;
        assert_eq!(waiting["status"], "queued");
        for location in &texts {
            wait_for(&cloud, CLEO, location, |message| message["status"] == "delivered").await;
        }
        let shown = air.mesh.shown(region::person(Person::Silent));
        let words: Vec<_> = shown.iter().map(|shown| shown.text.clone()).collect();
        assert_eq!(words, (0..12).map(|number| format!("cleo: number {number:02}")).collect::<Vec<_>>());
    }
}

on_both_footings! {
    async fn what_is_refused_says_why_and_costs_nothing(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let stranger = region::person(Person::Silent);
        let long = "ü".repeat(99);
        let refused = [
            (DORA, text_to(stranger, "hello"), 403, "plan_sends_nothing"),
            (BEN, text_to(stranger, "hello"), 403, "node_not_listed"),
            (ANA, text_to(stranger, ""), 400, "text_empty"),
            (ANA, text_to(stranger, &long), 400, "text_too_long"),
            (ANA, json!({"target_node_id": "ana", "text": "hello"}).to_string(), 400, "invalid_node_id"),
            ("99999999-9999-9999-9999-999999999999", text_to(stranger, "hello"), 401, "unknown_user"),
            (ANA, "{\"target_node_id\":".to_owned(), 400, "invalid_json"),
            (ANA, "x".repeat(2 << 20), 413, "payload_too_large"),
        ];
        for (member, body, status, code) in refused {
            let (got, _, problem) = cloud.send(member, None, body).await;
            assert_eq!((got, problem["code"].as_str()), (status, Some(code)), "{problem:#}");
        }
        let (_, quota) = cloud.read(ANA, "/api/v1/messages/quota").await;
        assert_eq!(quota["used"], 0, "{quota:#}");
        let (_, conversations) = cloud.read(ANA, "/api/v1/messages/conversations").await;
        assert_eq!(conversations["data"], json!([]));

        let (first, _, one) = cloud.send(ANA, Some("key-1"), text_to(stranger, "once")).await;
        let (second, _, two) = cloud.send(ANA, Some("key-1"), text_to(stranger, "once")).await;
        assert_eq!((first, second, &one["id"]), (202, 202, &two["id"]));
        let (third, _, problem) = cloud.send(ANA, Some("key-1"), text_to(stranger, "another")).await;
        assert_eq!((third, problem["code"].as_str()), (422, Some("idempotency_key_reused")));
    }
}

on_both_footings! {
    async fn of_two_hundred_texts_in_parallel_with_one_left_exactly_one_is_accepted(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let somebody = region::person(Person::Silent);
        for number in 0..49 {
            accepted(&cloud, ANA, somebody, &format!("number {number}")).await;
        }

        let posts = (0..200).map(|number| {
            let body = text_to(somebody, &format!("parallel {number}"));
            let cloud = &cloud;
            async move { cloud.send(ANA, None, body).await }
        });
        let answers = futures_util::future::join_all(posts).await;

        let accepted = answers.iter().filter(|(status, ..)| *status == 202).count();
        assert_eq!(accepted, 1);
        let (_, _, problem) = answers.iter().find(|(status, ..)| *status != 202).unwrap();
        assert_eq!(problem["code"], "quota_exceeded");
        assert!(problem["resets_at"].is_string(), "{problem:#}");
        let quota = until("the quota is told", || async { Some(cloud.read(ANA, "/api/v1/messages/quota").await.1) }).await;
        assert_eq!(quota["used"].as_u64(), Some(50), "{quota:#}");
    }
}
