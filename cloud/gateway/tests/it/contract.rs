//! The published description of the API: a change of it is a change for every client.

use crate::house::{ANA, House};

#[tokio::test]
async fn the_description_is_as_published() {
    let house = House::new().await;
    let document = house.read(ANA, "/openapi.json").await;
    insta::assert_snapshot!("openapi.json", serde_json::to_string_pretty(&document).unwrap());
}
