//! `kosmo uplink`.

use super::mosquitto;
use crate::{
    cli::{Uplink, UplinkRole},
    config::Config,
    output::{plain, say, table},
    secrets::draw,
    system::SystemClock,
};
use anyhow::{Context as _, Result, bail};
use kosmo_domain::{BridgeId, Clock as _, DAY, NodeId};
use kosmo_store::{Constraint, Error, LoginKind, Store, uplinks::Role};
use std::collections::BTreeMap;

pub(crate) async fn run(command: Uplink, config: &Config) -> Result<()> {
    let store = super::open_store(config).await?;
    match command {
        Uplink::Add { name, node, downlink, mosquitto } => {
            let files = mosquitto::Files::of(mosquitto);
            files.as_ref().map_or(Ok(()), |_| mosquitto::check_free(&name))?;
            add(&store, &name, node, downlink, files.as_ref()).await?;
        }
        Uplink::List => list(&store).await?,
        Uplink::Revoke { name, mosquitto } => {
            if !store.uplinks().await?.iter().any(|row| row.name == name.as_str()) || !store.remove_login(&name).await? {
                bail!("there is no login {name} of a node");
            }
            say(&format!("the login {name} is taken away; a connection it has open ends within a minute"))?;
            if let Some(files) = mosquitto::Files::of(mosquitto) {
                files.remove_uplink(&name)?;
            }
        }
        Uplink::Deny { node, role } => {
            for role in roles(role) {
                store.deny_uplink(role, node, SystemClock.now()).await?;
            }
            say(&format!("no packets of {node} are taken from now on; `kosmo uplink allow {node}` takes them again"))?;
        }
        Uplink::Allow { node, role } => {
            let mut was_denied = false;
            for role in roles(role) {
                was_denied |= store.allow_uplink(role, node).await?;
            }
            if !was_denied {
                bail!("{node} was not denied");
            }
            say(&format!("packets of {node} are taken again"))?;
        }
    }
    store.close().await;
    Ok(())
}

fn roles(role: Option<UplinkRole>) -> Vec<Role> {
    match role {
        None => vec![Role::Node, Role::Gateway],
        Some(UplinkRole::Node) => vec![Role::Node],
        Some(UplinkRole::Gateway) => vec![Role::Gateway],
    }
}

async fn add(store: &Store, name: &BridgeId, node: NodeId, downlink: bool, files: Option<&mosquitto::Files>) -> Result<()> {
    node.sender()?;
    let secret = draw();
    match store.add_uplink(name, node, downlink, &secret.hash(), SystemClock.now()).await {
        Ok(()) => {}
        Err(Error::Conflict(Constraint::Login)) => bail!("there is a login {name} already: revoke it first, or choose another name"),
        Err(error) => return Err(error).with_context(|| format!("{name} cannot be added")),
    }
    say(&format!(
        "{node} can publish to this broker. Set in its MQTT settings (the password is shown only now):\n\n  \
         address   THIS-HOST\n  username  {name}\n  password  {}\n  \
         root      msh/EU_868 (or your region's)\n  encryption on, JSON off\n\n\
         and switch on \"uplink\" for the channels that it is to publish{}.\n",
        secret.reveal(),
        if downlink { ", and \"downlink\" for those it is to hear of from others" } else { "" }
    ))?;
    files.map_or(Ok(()), |files| files.add_uplink(name, node, downlink, &secret))
}

async fn list(store: &Store) -> Result<()> {
    let node = |kind: LoginKind| kind.node().map_or_else(String::new, |node| node.to_string());
    let logins =
        store.uplinks().await?.into_iter().map(|row| [row.name, node(row.kind), row.kind.as_str().to_owned(), row.added_at.to_string()]);
    let logins: Vec<_> = logins.collect();
    if logins.is_empty() {
        say("there is no login of a node: `kosmo uplink add NAME --node NODE` makes one")?;
    } else {
        say(&table(["LOGIN", "NODE", "MAY", "ADDED"], &logins))?;
    }
    let now = SystemClock.now();
    let mut brokers = BTreeMap::new();
    for note in store.uplink_brokers().await? {
        // The latest word comes first.
        brokers.entry(note.source.clone()).or_insert(note);
    }
    let brokers: Vec<_> = brokers
        .into_values()
        .map(|note| {
            let error = note.error.map_or_else(String::new, |(code, at)| format!("{} at {at}", plain(&code)));
            [plain(&note.source), note.state.as_str().to_owned(), note.since.to_string(), note.at.to_string(), error]
        })
        .collect();
    if !brokers.is_empty() {
        say(&format!("\n{}", table(["BROKER", "IS", "SINCE", "TOLD", "LAST TROUBLE"], &brokers)))?;
    }
    let gateways: Vec<_> = store
        .uplink_gateways(now)
        .await?
        .into_iter()
        .map(|row| {
            let numbers = [row.ever.packets, row.ever.copies, row.ever.limited].map(|number| number.to_string());
            let [packets, copies, limited] = numbers;
            [row.gateway.to_string(), plain(&row.source), row.last_at.to_string(), packets, copies, limited]
        })
        .collect();
    if !gateways.is_empty() {
        say(&format!("\n{}", table(["GATEWAY", "FROM", "HEARD OF", "PACKETS", "COPIES", "NOT TAKEN"], &gateways)))?;
    }
    let limits: Vec<_> = store
        .uplink_limits(now.minus(DAY))
        .await?
        .into_iter()
        .map(|row| {
            let (node, role) = (row.node.to_string(), row.role.as_str().to_owned());
            [node, role, plain(&row.source), plain(&row.reason), row.first_at.to_string(), row.last_at.to_string(), row.number.to_string()]
        })
        .collect();
    if !limits.is_empty() {
        say(&format!("\n{}", table(["TOO MUCH OF", "AS", "FROM", "WHY", "SINCE", "LAST", "TODAY"], &limits)))?;
    }
    let denied: Vec<_> = store
        .uplink_denials()
        .await?
        .into_iter()
        .map(|row| [row.node.to_string(), row.role.as_str().to_owned(), row.at.to_string()])
        .collect();
    if !denied.is_empty() {
        say(&format!("\n{}", table(["DENIED", "AS", "SINCE"], &denied)))?;
    }
    Ok(())
}
