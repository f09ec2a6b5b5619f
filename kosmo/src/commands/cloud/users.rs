//! `kosmo user`.

use crate::{
    cli::{Listed, User},
    config::Config,
    output::{say, table},
    system::{SystemClock, random},
};
use anyhow::{Context as _, Result, bail};
use kosmo_domain::{Allowance, Clock as _, NodeId, Plan, Scope};
use kosmo_store::{
    Constraint, Error, Store,
    users::{Handle, NewUser, UserRow},
};
use rand::Rng as _;
use uuid::{Builder, Uuid};

/// Members read at once.
const PAGE: u32 = 500;

pub(crate) async fn run(command: User, config: &Config) -> Result<()> {
    let store = super::open_store(config).await?;
    match command {
        User::Add { handle, plan, id, list } => add(&store, handle, plan, id, &list).await?,
        User::List => show(&store).await?,
        User::Plan { handle, plan } => set_plan(&store, &handle, plan).await?,
        User::Allow { handle, list } => allow(&store, &handle, &list).await?,
        User::Forbid { handle, list } => forbid(&store, &handle, &list).await?,
    }
    store.close().await;
    Ok(())
}

async fn add(store: &Store, handle: Handle, plan: Plan, id: Option<Uuid>, list: &Listed) -> Result<()> {
    check(store, list).await?;
    let id = id.unwrap_or_else(|| Builder::from_random_bytes(random().random()).into_uuid());
    let now = SystemClock.now();
    match store.add_user(&NewUser { id, handle: handle.clone(), plan, anchor: now }, now).await {
        Ok(()) => {}
        Err(Error::Conflict(Constraint::Handle)) => bail!("there is a member {handle} already: choose another handle"),
        Err(Error::Conflict(Constraint::User)) => bail!("there is a member with the id {id} already: leave --id out, and one is drawn"),
        Err(error) => return Err(error).with_context(|| format!("{handle} cannot be added")),
    }
    enlist(store, id, list).await?;
    say(&format!("{handle} is added, with the plan {plan}, which {}. The member's id:\n\n{id}\n", meaning(plan)))?;
    say_if_pointless(plan, list)
}

/// Puts nodes and groups on a member's list.
pub(crate) async fn enlist(store: &Store, member: Uuid, list: &Listed) -> Result<()> {
    for node in &list.nodes {
        store.list_node(member, *node).await?;
    }
    for group in &list.groups {
        store.give_group(member, group).await?;
    }
    Ok(())
}

async fn show(store: &Store) -> Result<()> {
    let mut rows = Vec::new();
    for_each(store, |user| {
        rows.push([
            user.handle.to_string(),
            user.plan.to_string(),
            user.id.to_string(),
            user.anchor.to_string(),
            joined(&user.nodes),
            joined(&user.groups),
        ]);
    })
    .await?;
    if rows.is_empty() {
        return say("there is no member: `kosmo user add HANDLE --plan PLAN` adds one");
    }
    say(&table(["HANDLE", "PLAN", "ID", "PLAN SINCE", "NODES", "GROUPS"], &rows))
}

async fn set_plan(store: &Store, handle: &Handle, plan: Plan) -> Result<()> {
    let user = find(store, handle).await?;
    if user.plan == plan {
        return say(&format!("{handle} has the plan {plan} already; nothing changed"));
    }
    store.set_plan(user.id, plan, SystemClock.now()).await?;
    say(&format!("{handle} has the plan {plan}, which {}", meaning(plan)))
}

async fn allow(store: &Store, handle: &Handle, list: &Listed) -> Result<()> {
    check(store, list).await?;
    if list.nodes.is_empty() && list.groups.is_empty() {
        bail!("nothing is named: give --node '!a1b2c3d4' or --group NAME");
    }
    let user = find(store, handle).await?;
    enlist(store, user.id, list).await?;
    say_list(store, handle).await?;
    say_if_pointless(user.plan, list)
}

async fn forbid(store: &Store, handle: &Handle, list: &Listed) -> Result<()> {
    if list.nodes.is_empty() && list.groups.is_empty() {
        bail!("nothing is named: give --node '!a1b2c3d4' or --group NAME");
    }
    let user = find(store, handle).await?;
    for node in &list.nodes {
        if !store.unlist_node(user.id, *node).await? {
            bail!("{node} is not on the list of {handle}");
        }
    }
    for group in &list.groups {
        if !store.take_group(user.id, group).await? {
            bail!("{handle} does not have the group {group}");
        }
    }
    say_list(store, handle).await
}

async fn say_list(store: &Store, handle: &Handle) -> Result<()> {
    let user = find(store, handle).await?;
    let parts = [("nodes", joined(&user.nodes)), ("groups", joined(&user.groups))];
    let said: Vec<_> = parts.into_iter().filter(|(_, names)| !names.is_empty()).map(|(what, names)| format!("{what} {names}")).collect();
    say(&format!("the list of {handle}: {}", if said.is_empty() { "nothing".to_owned() } else { said.join("; ") }))
}

/// A list that the plan does not ask for is not wrong, but whoever made it may think that it limits something.
fn say_if_pointless(plan: Plan, list: &Listed) -> Result<()> {
    let is_empty = list.nodes.is_empty() && list.groups.is_empty();
    match plan.scope() {
        Scope::Listed if is_empty => {
            say("nothing is on the list yet: `kosmo user allow HANDLE --node '!a1b2c3d4'` puts a node there, --group a group of nodes")
        }
        Scope::Network if !is_empty => say(&format!("a list means nothing to the plan {plan}, which writes to any node")),
        Scope::Nobody if !is_empty => say(&format!("a list means nothing to the plan {plan}, which sends nothing")),
        Scope::Listed | Scope::Network | Scope::Nobody => Ok(()),
    }
}

fn meaning(plan: Plan) -> String {
    let whom = match plan.scope() {
        Scope::Nobody => return "receives and sends nothing".to_owned(),
        Scope::Network => "any node",
        Scope::Listed => "the nodes on its list",
    };
    match plan.allowance() {
        Allowance::Limited(texts) => format!("writes to {whom}, {texts} texts a month"),
        Allowance::Unlimited => format!("writes to {whom}, without a limit"),
    }
}

/// Refuses nodes that no single radio can be.
pub(crate) fn check_nodes(nodes: &[NodeId]) -> Result<()> {
    nodes.iter().try_for_each(|node| node.sender().map(drop).with_context(|| format!("{node} cannot be written to")))
}

/// Refuses what would be on a list to no effect.
async fn check(store: &Store, list: &Listed) -> Result<()> {
    check_nodes(&list.nodes)?;
    let known = store.groups().await?;
    match list.groups.iter().find(|name| known.iter().all(|group| group.name != **name)) {
        Some(name) => bail!("there is no group {name}: `kosmo group add {name} NODE` makes it"),
        None => Ok(()),
    }
}

async fn find(store: &Store, handle: &Handle) -> Result<UserRow> {
    let mut found = None;
    for_each(store, |user| {
        if user.handle == *handle {
            found = Some(user);
        }
    })
    .await?;
    found.with_context(|| format!("there is no member {handle}: `kosmo user list` lists them"))
}

async fn for_each(store: &Store, mut each: impl FnMut(UserRow)) -> Result<()> {
    let mut after = None;
    loop {
        let page = store.users(after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.handle.clone());
        page.into_iter().for_each(&mut each);
    }
}

fn joined<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
