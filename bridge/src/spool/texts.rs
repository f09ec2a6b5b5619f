//! Texts for the mesh in the spool's file.

use crate::{
    outbound::{Row, RowStage, Told, Wish},
    spool::file::signed,
};
use kosmo_contract::{NotSentReason, Text};
use kosmo_domain::{NodeId, PacketId, Timestamp};
use sqlx::{Row as _, SqliteConnection, sqlite::SqliteRow};
use std::time::Duration;
use uuid::Uuid;

/// The stages' numbers in spool files.
const CLAIMED: i64 = 1;
const GRANTED: i64 = 2;
const GIVEN: i64 = 3;
const LISTENING: i64 = 4;
const NOT_SENT: i64 = 5;

/// A row's columns that only some stages have.
#[derive(Default)]
struct Columns {
    stage: i64,
    grant_order: Option<i64>,
    packet_id: Option<PacketId>,
    radio: Option<NodeId>,
    reason: Option<i64>,
    told: Option<u8>,
    left: Option<Duration>,
}

/// Writes texts as they are, and deletes those that are gone.
pub(crate) async fn write(db: &mut SqliteConnection, rows: &[Row], gone: &[Uuid]) -> sqlx::Result<()> {
    const DELETE: &str = "delete from texts where message_id = $1";
    for row in rows {
        upsert(db, row).await?;
    }
    for message_id in gone {
        sqlx::query(DELETE).bind(*message_id).execute(&mut *db).await?;
    }
    Ok(())
}

async fn upsert(db: &mut SqliteConnection, row: &Row) -> sqlx::Result<()> {
    const SQL: &str = "
        insert or replace into texts (message_id, to_node, words, reply_to, attempt, ttl_left_us, written_at_us,
                                      stage, grant_order, packet_id, radio, reason, told, left_us, wish)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let columns = Columns::of(row.stage);
    sqlx::query(SQL)
        .bind(row.message_id)
        .bind(row.to.number())
        .bind(&*row.text)
        .bind(row.reply_to.map(|id| id.0))
        .bind(row.attempt)
        .bind(micros(row.ttl_left))
        .bind(row.written_at.as_micros())
        .bind(columns.stage)
        .bind(columns.grant_order)
        .bind(columns.packet_id.map(|id| id.0))
        .bind(columns.radio.map(NodeId::number))
        .bind(columns.reason)
        .bind(columns.told)
        .bind(columns.left.map(micros))
        .bind((row.wish != Wish::default()).then(|| written(&row.wish)))
        .execute(db)
        .await
        .map(drop)
}

impl Columns {
    fn of(stage: RowStage) -> Self {
        match stage {
            RowStage::Claimed => Self { stage: CLAIMED, ..Self::default() },
            RowStage::Granted { order } => Self { stage: GRANTED, grant_order: Some(signed(order)), ..Self::default() },
            RowStage::Given { order, packet_id, radio, repeat_left } => Self {
                stage: GIVEN,
                grant_order: Some(signed(order)),
                packet_id: Some(packet_id),
                radio: Some(radio),
                left: Some(repeat_left),
                ..Self::default()
            },
            RowStage::Listening { packet_id, radio, told, left } => Self {
                stage: LISTENING,
                packet_id: Some(packet_id),
                radio: Some(radio),
                told: Some(told.bits()),
                left: Some(left),
                ..Self::default()
            },
            RowStage::NotSent { reason, told, left } => {
                Self { stage: NOT_SENT, reason: Some(reason_number(reason)), told: Some(told.into()), left: Some(left), ..Self::default() }
            }
        }
    }
}

/// Returns every text.
pub(crate) async fn all(db: &mut SqliteConnection) -> sqlx::Result<Vec<Row>> {
    const SQL: &str = "
        select message_id, to_node, words, reply_to, attempt, ttl_left_us, written_at_us,
               stage, grant_order, packet_id, radio, reason, told, left_us, wish
        from texts";
    sqlx::query(SQL).fetch_all(db).await?.iter().map(read).collect()
}

fn read(row: &SqliteRow) -> sqlx::Result<Row> {
    let damaged = |what: &str| sqlx::Error::Decode(format!("a text with {what} that was never written").into());
    let number = |column| row.try_get::<i64, _>(column).map(|number| u64::try_from(number).unwrap_or(0));
    let span = |column| number(column).map(Duration::from_micros);
    let packet_id = || row.try_get(9).map(PacketId);
    let radio = || row.try_get(10).map(NodeId::from_number);
    let stage = match row.try_get::<i64, _>(7)? {
        CLAIMED => RowStage::Claimed,
        GRANTED => RowStage::Granted { order: number(8)? },
        GIVEN => RowStage::Given { order: number(8)?, packet_id: packet_id()?, radio: radio()?, repeat_left: span(13)? },
        LISTENING => {
            RowStage::Listening { packet_id: packet_id()?, radio: radio()?, told: Told::from_bits(row.try_get(12)?), left: span(13)? }
        }
        NOT_SENT => {
            let reason = reason(row.try_get(11)?).ok_or_else(|| damaged("a reason"))?;
            RowStage::NotSent { reason, told: row.try_get::<i64, _>(12)? != 0, left: span(13)? }
        }
        _ => return Err(damaged("a stage")),
    };
    Ok(Row {
        message_id: row.try_get(0)?,
        to: NodeId::from_number(row.try_get(1)?),
        text: Text::try_from(row.try_get::<String, _>(2)?).map_err(|_| damaged("words"))?,
        reply_to: row.try_get::<Option<u32>, _>(3)?.map(PacketId),
        wish: match row.try_get::<Option<String>, _>(14)? {
            Some(wish) => serde_json::from_str(&wish).map_err(|_| damaged("a wish"))?,
            None => Wish::default(),
        },
        attempt: row.try_get(4)?,
        ttl_left: span(5)?,
        written_at: Timestamp::from_micros(row.try_get(6)?).map_err(|_| damaged("a time"))?,
        stage,
    })
}

fn written(wish: &Wish) -> String {
    serde_json::to_string(wish).expect("it is made of texts, numbers and names")
}

const fn reason_number(reason: NotSentReason) -> i64 {
    match reason {
        NotSentReason::Expired => 1,
        NotSentReason::Revoked => 2,
        NotSentReason::RadioRefused => 3,
        NotSentReason::TooLarge => 4,
        NotSentReason::Cancelled => 5,
    }
}

const fn reason(number: i64) -> Option<NotSentReason> {
    match number {
        1 => Some(NotSentReason::Expired),
        2 => Some(NotSentReason::Revoked),
        3 => Some(NotSentReason::RadioRefused),
        4 => Some(NotSentReason::TooLarge),
        5 => Some(NotSentReason::Cancelled),
        _ => None,
    }
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        outbound::Changes,
        record::{Body, NewRecord},
        spool::{Spool, SpoolLimits},
    };
    use kosmo_contract::{Base64Bytes, ChannelRef, Contact, Evidence, Priority, ReceiptBody};
    use kosmo_domain::Epoch;

    fn row(number: u128, stage: RowStage) -> Row {
        Row {
            message_id: Uuid::from_u128(number),
            to: NodeId::from_number(u32::MAX - 1),
            text: Text::cut("ana: schön"),
            reply_to: Some(PacketId(u32::MAX)).filter(|_| number.is_multiple_of(2)),
            wish: if number.is_multiple_of(2) { every_wish() } else { Wish::default() },
            attempt: 255,
            ttl_left: Duration::from_micros(1_234_567),
            written_at: Timestamp::from_unix_seconds(1_780_315_200),
            stage,
        }
    }

    fn every_wish() -> Wish {
        let public_key = Base64Bytes::try_from(vec![7; 32]).unwrap();
        let contact = Contact { public_key, long_name: Some(Text::cut("Ana im Tal")), short_name: None, confirmed: true };
        let channel = ChannelRef { name: Text::cut("LongFast"), hash: 8 };
        Wish { member: Some(Text::cut("7c1f")), priority: Priority::High, channel: Some(channel), contact: Some(contact) }
    }

    fn every_stage() -> Vec<Row> {
        let (packet_id, radio, left) = (PacketId(u32::MAX), NodeId::from_number(0x4daa_1001), Duration::from_mins(4));
        let mut told = Told::default();
        told.add(Told::RELAYED);
        told.add(Told::UNKNOWN);
        let not_sent = |reason, told| RowStage::NotSent { reason, told, left };
        let stages = [
            RowStage::Claimed,
            RowStage::Granted { order: 7 },
            RowStage::Given { order: 8, packet_id, radio, repeat_left: left },
            RowStage::Listening { packet_id, radio, told, left },
            not_sent(NotSentReason::Expired, false),
            not_sent(NotSentReason::Revoked, true),
            not_sent(NotSentReason::RadioRefused, true),
            not_sent(NotSentReason::TooLarge, true),
        ];
        stages.into_iter().zip(1..).map(|(stage, number)| row(number, stage)).collect()
    }

    #[tokio::test]
    async fn texts_of_every_stage_survive_a_restart_with_their_receipts_or_neither_does() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spool.db");
        let open = async |cap_bytes| {
            let limits = SpoolLimits { cap_bytes, ..SpoolLimits::default() };
            Spool::open(&path, &"roof".parse().unwrap(), Epoch::from_random(1), limits).await.unwrap()
        };
        let receipt = |number| {
            let body = ReceiptBody { message_id: Uuid::from_u128(number), evidence: Evidence::Claimed };
            NewRecord { heard_at: Timestamp::EPOCH, packet: None, privacy: None, body: Body::Receipt(body) }
        };
        let mut spool = open(100_000).await;
        spool.commit(&Changes { rows: every_stage(), receipts: vec![receipt(1)], gone: vec![Uuid::from_u128(99)] }).await.unwrap();
        spool.close().await;

        let mut spool = open(1).await;
        assert_eq!(spool.texts().await.unwrap(), every_stage());
        assert_eq!(spool.depths().gateway.waiting, 1);
        let changes = Changes { rows: vec![row(1, RowStage::Granted { order: 9 })], receipts: vec![receipt(1); 2000], gone: Vec::new() };
        assert!(spool.commit(&changes).await.is_err(), "there is no room for as many receipts");
        assert_eq!(spool.texts().await.unwrap(), every_stage());
        assert_eq!(spool.depths().gateway.waiting, 1);

        let gone = (2..=8).map(Uuid::from_u128).collect();
        spool.commit(&Changes { gone, ..Changes::default() }).await.unwrap();
        assert_eq!(spool.texts().await.unwrap(), every_stage()[..1]);
    }
}
