//! Who received a packet how, in ten bytes for each: gateway (4), milliseconds since the hour began (3), signal to noise in
//! quarters of a decibel, strength in -dBm, and hops.

use crate::{
    Result, Store,
    db::{Tx, TxDb, on_reader},
    ingest::json,
    types::{At, Node},
    uplinks::hex,
};
use kosmo_domain::{HOUR, NodeId, PacketId, Timestamp};
use std::time::Duration;

/// The bytes of one reception.
const WIDTH: usize = 10;
/// The most receptions that are kept of one packet.
const MOST: usize = 128;
/// What stands for an unknown signal to noise.
const NO_SNR: i8 = i8::MIN;
/// What stands for an unknown number of hops.
const NO_HOPS: u8 = u8::MAX;

/// How a gateway received a packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UplinkReception {
    /// The gateway, as it calls itself.
    pub gateway: NodeId,
    /// When it was received here.
    pub at: Timestamp,
    /// Signal to noise in decibels, to a quarter.
    pub snr_db: Option<f32>,
    /// Signal strength in dBm.
    pub rssi_dbm: Option<i32>,
    /// How many relays the packet had gone through.
    pub hops_away: Option<u8>,
}

/// Who received a packet, or received it besides.
#[derive(Debug, Clone, PartialEq)]
pub struct PacketReceptions {
    /// Who claims to have sent it.
    pub from: NodeId,
    /// The sender's id for it, which is given.
    pub id: PacketId,
    /// When it was received first.
    pub first_at: Timestamp,
    /// How.
    pub by: Vec<UplinkReception>,
}

#[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate, and what they are of lies within the type")]
fn pack(reception: &UplinkReception, hour: Timestamp, to: &mut Vec<u8>) {
    let since = u32::try_from(reception.at.since(hour).as_millis()).unwrap_or(u32::MAX).min(0x00ff_ffff);
    let snr = reception.snr_db.filter(|snr| snr.is_finite()).map_or(NO_SNR, |snr| (snr * 4.0).round().clamp(-127.0, 127.0) as i8);
    let rssi = reception.rssi_dbm.and_then(|dbm| u8::try_from(dbm.checked_neg()?).ok()).unwrap_or(0);
    to.extend(reception.gateway.number().to_le_bytes());
    to.extend(&since.to_le_bytes()[..3]);
    to.extend(snr.to_le_bytes());
    to.extend([rssi, reception.hops_away.unwrap_or(NO_HOPS)]);
}

fn unpack(bytes: &[u8; WIDTH], hour: Timestamp) -> UplinkReception {
    let gateway = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let since = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], 0]);
    let (snr, rssi, hops) = (i8::from_le_bytes([bytes[7]]), bytes[8], bytes[9]);
    UplinkReception {
        gateway: NodeId::from_number(gateway),
        at: hour.plus(Duration::from_millis(u64::from(since))),
        snr_db: (snr != NO_SNR).then(|| f32::from(snr) / 4.0),
        rssi_dbm: (rssi != 0).then(|| -i32::from(rssi)),
        hops_away: (hops != NO_HOPS).then_some(hops),
    }
}

/// Adds receptions to what is kept of their packets.
pub(super) async fn append(tx: &mut Tx, packets: &[PacketReceptions]) -> Result<()> {
    if packets.is_empty() {
        return Ok(());
    }
    // In the order of their names, so that replicas wait for each other and do not lock each other out.
    let mut packets: Vec<_> = packets.iter().collect();
    packets.sort_by_key(|packet| (packet.first_at.floor_to(HOUR), packet.from, packet.id));
    let rows: Vec<_> = packets
        .iter()
        .map(|packet| {
            let hour = packet.first_at.floor_to(HOUR);
            let mut heard = Vec::with_capacity(packet.by.len() * WIDTH);
            packet.by.iter().take(MOST).for_each(|reception| pack(reception, hour, &mut heard));
            (hour, packet.from, packet.id, heard)
        })
        .collect();
    match &mut tx.db {
        // Lists are JSON, bytes in it digits, and what is joined becomes text, with the same bytes.
        TxDb::Sqlite(tx) => {
            const SQL: &str = "insert into uplink_receptions (hour, sender, packet_id, heard)
                               select value ->> 0, value ->> 1, value ->> 2, unhex(value ->> 3) from json_each($1) where true
                               on conflict (hour, sender, packet_id) do update
                                  set heard = cast(uplink_receptions.heard || excluded.heard as blob)
                                where length(uplink_receptions.heard) < $2";
            let rows: Vec<_> = rows.iter().map(|(hour, from, id, heard)| (hour.as_micros(), from.number(), id.0, hex(heard))).collect();
            sqlx::query(SQL).bind(json(&rows)).bind(MOST_BYTES).execute(&mut **tx).await?;
        }
        TxDb::Postgres(tx) => {
            const SQL: &str = "insert into uplink_receptions (hour, sender, packet_id, heard)
                               select * from unnest($1::timestamptz[], $2::bigint[], $3::bigint[], $4::bytea[])
                               on conflict (hour, sender, packet_id) do update
                                  set heard = uplink_receptions.heard || excluded.heard
                                where length(uplink_receptions.heard) < $5";
            sqlx::query(SQL)
                .bind(rows.iter().map(|row| At(row.0)).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| Node(row.1)).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| i64::from(row.2.0)).collect::<Vec<_>>())
                .bind(rows.iter().map(|row| row.3.as_slice()).collect::<Vec<_>>())
                .bind(MOST_BYTES)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

/// The bytes of as many receptions as are kept of a packet.
const MOST_BYTES: i32 = 1280;

impl Store {
    /// Returns who received a packet about this time, by MQTT, in the order they told of it.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplink_receptions(&self, from: NodeId, id: PacketId, about: Timestamp) -> Result<Vec<UplinkReception>> {
        const SQL: &str = "select hour, heard from uplink_receptions
                            where hour >= $1 and hour <= $2 and sender = $3 and packet_id = $4
                            order by hour";
        let hour = about.floor_to(HOUR);
        let (first, last) = (At(hour.minus(HOUR)), At(hour.plus(HOUR)));
        let rows: Vec<(At, Vec<u8>)> =
            on_reader!(self, |db| sqlx::query_as(SQL).bind(first).bind(last).bind(Node(from)).bind(i64::from(id.0)).fetch_all(db))?;
        let unpacked = |(hour, heard): &(At, Vec<u8>)| heard.as_chunks().0.iter().map(|bytes| unpack(bytes, hour.0)).collect::<Vec<_>>();
        Ok(rows.iter().flat_map(unpacked).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reception_comes_back_from_its_ten_bytes() {
        let hour = Timestamp::from_unix_seconds(1_780_315_200).floor_to(HOUR);
        let unknown = UplinkReception { gateway: NodeId::from_number(9), at: hour, snr_db: None, rssi_dbm: None, hops_away: None };
        for reception in [
            unknown,
            UplinkReception {
                gateway: NodeId::from_number(0xa1b2_c3d4),
                at: hour.plus(Duration::from_millis(3_599_999)),
                snr_db: Some(-12.25),
                rssi_dbm: Some(-131),
                hops_away: Some(7),
            },
        ] {
            let mut bytes = Vec::new();
            pack(&reception, hour, &mut bytes);
            assert_eq!(unpack(bytes.first_chunk().unwrap(), hour), reception);
        }
        let mut bytes = Vec::new();
        pack(&UplinkReception { snr_db: Some(f32::NAN), rssi_dbm: Some(i32::MIN), at: Timestamp::MAX, ..unknown }, hour, &mut bytes);
        assert_eq!(bytes.len(), WIDTH);
        assert_eq!(MOST * WIDTH, usize::try_from(MOST_BYTES).unwrap());
    }
}
