//! `kosmo channel read` and `send`: what is said on channels, as operators see it.

use crate::{
    output::{plain, say},
    system::{SystemClock, random},
};
use anyhow::{Result, bail};
use kosmo_domain::{Clock as _, Status};
use kosmo_store::{
    ChannelRow, Store,
    messages::{Audience, ChannelName, ChannelText, NewChannelText},
    users::Handle,
};
use rand::Rng as _;
use std::time::Duration;

/// Members read at once.
const PAGE: u32 = 500;

pub(super) async fn read(store: &Store, channel: ChannelRow, last: u32) -> Result<()> {
    let shown = plain(&channel.name);
    let name = ChannelName { name: channel.name, hash: channel.hash };
    let mut texts = store.channel_texts(&name, Audience::Operators, None, last).await?;
    if texts.is_empty() {
        return say(&format!("nothing was said on {shown} yet"));
    }
    texts.reverse();
    let lines: Vec<_> = texts.iter().map(line).collect();
    say(&lines.join("\n"))
}

fn line(text: &ChannelText) -> String {
    let from = text.from.map_or_else(|| "(not sent yet)".to_owned(), |node| node.to_string());
    let mark = match text.status {
        None if text.stored => " (kept by a router)".to_owned(),
        None => String::new(),
        Some(status) => format!(" [{}]", Status::as_str(status)),
    };
    format!("{}  {from}  {}{mark}", text.heard_at, plain(&text.text))
}

pub(super) async fn send(store: &Store, channel: ChannelRow, sender: &Handle, minutes: u32, text: &str) -> Result<()> {
    let Some(user) = member(store, sender).await? else { bail!("there is no member {sender}: `kosmo user list` shows those there are") };
    let air_text = kosmo_gateway::on_air(sender.as_str(), text).map_err(anyhow::Error::msg)?;
    let now = SystemClock.now();
    let shown = plain(&channel.name);
    let new = NewChannelText {
        id: uuid::Builder::from_unix_timestamp_millis(now.as_micros().unsigned_abs() / 1000, &random().random()).into_uuid(),
        user,
        channel: ChannelName { name: channel.name, hash: channel.hash },
        text: text.to_owned(),
        air_text,
        deadline: now.plus(Duration::from_mins(minutes.into())),
    };
    if !store.send_to_channel(&new, now).await? {
        bail!("there is no member {sender} any more");
    }
    say(&format!("it will be sent on {shown} by a bridge whose radio is on it: `kosmo channel read {shown}` shows how it stands"))
}

async fn member(store: &Store, handle: &Handle) -> Result<Option<uuid::Uuid>> {
    let mut after = None;
    loop {
        let page = store.users(after.as_ref(), PAGE).await?;
        if let Some(user) = page.iter().find(|user| user.handle == *handle) {
            return Ok(Some(user.id));
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.handle.clone()),
            _ => return Ok(None),
        }
    }
}
