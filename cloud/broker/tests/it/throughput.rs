//! Many messages in a short time.

use crate::{
    client::{PATIENCE, Peer, listening, options},
    house::{House, INGESTION, ROOF},
};
use kosmo_mqtt::{Limits, Message, Options};
use tokio::time::{Instant, timeout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_messages_pass_and_none_is_lost() {
    const MESSAGES: usize = 20_000;
    let house = House::open().await;
    let mut service = Peer::connected(listening(&house, INGESTION, &["$share/ingestion/kosmo/mesh/reading/+"])).await;
    let limits = Limits { window: 500, ..Limits::default() };
    let roof = Peer::connected(Options { limits, ..options(&house, ROOF) }).await;

    let began = Instant::now();
    let client = roof.client.clone();
    let speaking = tokio::spawn(async move {
        let mut last = None;
        for n in 0..MESSAGES {
            let text = format!("{n:0>120}");
            last = Some(client.publish(Message::new("kosmo/mesh/reading/roof", text)).await.unwrap());
        }
        timeout(PATIENCE, last.unwrap()).await.unwrap().unwrap();
    });
    for n in 0..MESSAGES {
        assert_eq!(service.text().await.parse::<usize>().unwrap(), n);
    }
    speaking.await.unwrap();
    println!(
        "{:.0} messages a second, published, acknowledged, delivered and acknowledged",
        MESSAGES as f64 / began.elapsed().as_secs_f64()
    );
}
