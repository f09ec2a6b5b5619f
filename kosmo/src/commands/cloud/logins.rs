//! `kosmo bridge add|list|revoke`.

use super::mosquitto;
use crate::{
    cli::Logins,
    config::Config,
    heard,
    output::{plain, say, table},
    secrets::draw,
    system::SystemClock,
};
use anyhow::{Context as _, Result, bail};
use kosmo_domain::{BridgeId, Clock as _, Timestamp};
use kosmo_store::{BridgeAdded, BridgeRow, Constraint, Secret, Store};

pub(crate) async fn run(command: Logins, config: &Config) -> Result<()> {
    if let Logins::Services { mosquitto_passwords, mosquitto_acl } = command {
        return mosquitto::Files { passwords: mosquitto_passwords, acl: mosquitto_acl }.let_services_in();
    }
    let store = super::open_store(config).await?;
    match command {
        Logins::Services { .. } | Logins::Status { .. } => unreachable!("these need no database, and are done"),
        Logins::Add { id, mosquitto } => {
            let files = mosquitto::Files::of(mosquitto);
            files.as_ref().map_or(Ok(()), |_| mosquitto::check_free(&id))?;
            let secret = add(&store, &id).await?;
            if let Some(files) = files {
                files.add(&id, &secret)?;
            }
        }
        Logins::List => list(&store, SystemClock.now()).await?,
        Logins::Revoke { id, mosquitto } => {
            if !store.revoke_bridge(&id, SystemClock.now()).await? {
                bail!("there is no bridge {id} with a login");
            }
            say(&format!("the login of {id} is taken away; a connection it has open ends within a minute"))?;
            if let Some(files) = mosquitto::Files::of(mosquitto) {
                files.remove(&id)?;
            }
        }
    }
    store.close().await;
    Ok(())
}

async fn add(store: &Store, id: &BridgeId) -> Result<Secret> {
    if id.as_str() == "msh" || id.as_str().starts_with("msh-") {
        bail!("{id} is what a broker of nodes is called: choose another name for the bridge");
    }
    let secret = draw();
    let added = match store.add_bridge(id, &secret.hash(), SystemClock.now()).await {
        Ok(BridgeAdded::New) => "is added",
        Ok(BridgeAdded::Renewed) => "had been revoked, and is back",
        Err(kosmo_store::Error::Conflict(Constraint::Bridge)) => {
            bail!("there is a bridge {id} already: revoke it first if it needs a new secret, or choose another name")
        }
        Err(error) => return Err(error).with_context(|| format!("{id} cannot be added")),
    };
    say(&format!(
        "{id} {added}. Its secret, which is shown only now:\n\n{}\n\n\
         Put it into a file beside the radio that only the bridge can read, and start the bridge there:\n\n  \
         kosmo bridge --radio serial:/dev/ttyACM0 --mqtt mqtt://THIS-HOST:1883 --id {id} --password-file FILE\n",
        secret.reveal()
    ))?;
    Ok(secret)
}

async fn list(store: &Store, now: Timestamp) -> Result<()> {
    let bridges = store.bridges().await?;
    if bridges.is_empty() {
        return say("there is no bridge: `kosmo bridge add NAME` makes one");
    }
    let rows: Vec<_> = bridges.into_iter().map(|bridge| row(&bridge, now)).collect();
    say(&table(["NAME", "ADDED", "LAST SEEN", "STATE", "DETAILS"], &rows))
}

fn row(bridge: &BridgeRow, now: Timestamp) -> [String; 5] {
    let state = heard::state_of(bridge, now);
    let seen = bridge.last_seen_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
    [state.id, bridge.added_at.to_string(), seen, plain(&state.says), plain(&state.detail)]
}
