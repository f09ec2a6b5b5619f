//! Texts that are taken back, and what is said to everybody on a channel, through real processes.

use crate::steps::{ANA, CLEO, accepted, attach, cloud_of_members, wait_for};
use kosmo_domain::NodeId;
use kosmo_sim::{Reach, region};
use kosmo_tests::{Air, Setup, on_both_footings, until};
use meshtastic_text::text;
use serde_json::{Value, json};

/// What a text is on the air.
mod meshtastic_text {
    use kosmo_meshtastic::proto;

    pub(super) fn text(words: &str) -> proto::Data {
        proto::Data { portnum: 1, payload: words.as_bytes().to_vec(), bitfield: Some(1), ..Default::default() }
    }
}

on_both_footings! {
    async fn a_text_is_taken_back_while_its_bridge_has_no_radio_and_not_once_it_was_sent(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let nobody_has_it = accepted(&cloud, ANA, region::LENA, "never mind").await;
        let (status, message) = cloud.delete(ANA, &nobody_has_it).await;
        assert_eq!((status, &message["status"], &message["reason"]), (200, &json!("expired"), &json!("cancelled")), "{message:#}");

        let air = Air::peopled(1, &[], 20).await;
        let _bridge = attach(&mut cloud, &air, 0, "roof").await;
        let sent = accepted(&cloud, ANA, region::LENA, "Hello mesh").await;
        wait_for(&cloud, ANA, &sent, |message| message["status"] == "delivered").await;
        let (status, problem) = cloud.delete(ANA, &sent).await;
        assert_eq!((status, &problem["code"]), (409, &json!("too_late")), "{problem:#}");
        let shown: Vec<_> = air.mesh.shown(region::LENA).into_iter().map(|shown| shown.text).collect();
        assert_eq!(shown, ["ana: Hello mesh"], "what was taken back reached nobody");
        let (_, quota) = cloud.read(ANA, "/api/v1/messages/quota").await;
        assert_eq!(quota["used"], 1, "{quota:#}");
    }
}

on_both_footings! {
    async fn talk_on_a_public_channel_is_read_by_everybody_and_an_operator_joins_in(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let air = Air::peopled(1, &[], 20).await;
        let _bridge = attach(&mut cloud, &air, 0, "roof").await;
        let command = |arguments: &[&str]| {
            let output = cloud.command(arguments);
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        command(&["channel", "add", "LongFast", "--key", "AQ==", "--public"]);
        let channels = cloud.json("gateway", "/api/v1/channels").await;
        assert_eq!(channels["data"][0]["name"], "LongFast", "{channels:#}");
        let path = format!("/api/v1/channels/{}/messages", channels["data"][0]["id"].as_str().unwrap());

        air.mesh.send(region::LENA, NodeId::BROADCAST, text("who has water?"), Reach::EveryRadio).unwrap();
        let said = |wanted: &'static str| {
            let (cloud, path) = (&cloud, &path);
            async move {
                until(wanted, || async {
                    let page = cloud.json("gateway", path).await;
                    page["data"].as_array().unwrap().iter().find(|text| text["text"] == wanted).cloned()
                })
                .await
            }
        };
        assert_eq!(said("who has water?").await["from_node_id"], region::LENA.to_string());

        command(&["channel", "send", "LongFast", "--as", "cleo", "the spring at the mill"]);
        until("it is sent", || async {
            let page = cloud.json("gateway", &path).await;
            page["data"].as_array().unwrap().iter().find(|text| text["status"] == "transmitted").cloned()
        })
        .await;
        assert!(air.mesh.shown(region::LENA).iter().any(|shown| shown.text == "cleo: the spring at the mill"));
        let shown = command(&["channel", "read", "LongFast"]);
        assert!(shown.contains("who has water?") && shown.contains("[transmitted]"), "{shown}");
        // A bridge that was busy for a moment is not ready for one; an operator asks again.
        let route = until("a route is found", || {
            let output = cloud.command(&["route", &region::LENA.to_string()]);
            let found = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned());
            std::future::ready(found)
        })
        .await;
        assert!(route.starts_with("there: !") && route.trim_end().lines().count() == 2, "{route}");
        let (_, quota) = cloud.read(CLEO, "/api/v1/messages/quota").await;
        assert!(quota["used"] == 0 || quota["used"] == Value::Null, "{quota:#}");
    }
}
