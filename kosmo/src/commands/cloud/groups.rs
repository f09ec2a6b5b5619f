//! `kosmo group`.

use super::users::check_nodes;
use crate::{
    cli::Group,
    config::Config,
    output::{say, table},
};
use anyhow::{Result, bail};
use kosmo_domain::NodeId;
use kosmo_store::{Store, users::GroupName};

pub(crate) async fn run(command: Group, config: &Config) -> Result<()> {
    let store = super::open_store(config).await?;
    match command {
        Group::Add { group, nodes } => add(&store, &group, &nodes).await?,
        Group::Remove { group, nodes } => remove(&store, &group, &nodes).await?,
        Group::List => list(&store).await?,
    }
    store.close().await;
    Ok(())
}

async fn add(store: &Store, group: &GroupName, nodes: &[NodeId]) -> Result<()> {
    check_nodes(nodes)?;
    for node in nodes {
        store.add_to_group(group, *node).await?;
    }
    say_nodes(store, group).await
}

async fn remove(store: &Store, group: &GroupName, nodes: &[NodeId]) -> Result<()> {
    for node in nodes {
        if !store.remove_from_group(group, *node).await? {
            bail!("{node} is not in the group {group}");
        }
    }
    say_nodes(store, group).await
}

async fn say_nodes(store: &Store, group: &GroupName) -> Result<()> {
    match store.groups().await?.into_iter().find(|row| row.name == *group) {
        Some(row) => say(&format!("the group {group}: {}", joined(&row.nodes))),
        None => say(&format!("the group {group} has no nodes left, and is gone")),
    }
}

async fn list(store: &Store) -> Result<()> {
    let groups = store.groups().await?;
    if groups.is_empty() {
        return say("there is no group: `kosmo group add NAME NODE` makes one");
    }
    let rows: Vec<_> = groups.into_iter().map(|group| [group.name.to_string(), joined(&group.nodes)]).collect();
    say(&table(["GROUP", "NODES"], &rows))
}

fn joined(nodes: &[NodeId]) -> String {
    nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
