//! The embedded MQTT broker: rmqtt 0.24 behind a small interface of ours, with logins and topic rules decided by our code.
//!
//! Who may log in stands in the store ([`kosmo_store::Store::mqtt_login`]); services of the same process use logins that
//! exist in memory only ([`ServiceLogin`]). What a login may do:
//!
//! | login | publishes | subscribes |
//! |---|---|---|
//! | bridge | exactly the topics the contract lists for it | exactly the filters the contract lists for it, not shared |
//! | node | its own uplink under `msh/` | nothing |
//! | viewer | nothing | what begins with `kosmo/`, not shared |
//! | service | what begins with `kosmo/` or `msh/` | the same, also with `$share` |
//!
//! A forbidden publish reaches nobody. MQTT 3.1.1 has no answer for it, so it is acknowledged and dropped; MQTT 5 says "not
//! authorized". The will's topic is judged at login, because nobody is asked when it is published. A login that is revoked,
//! or has got another secret, is cut off at the next [`Limits::recheck`].
//!
//! A client id belongs to the login whose name it is, or whose name and a colon it begins with. Any other id may be used
//! while nobody else uses it; so no login can push another out, or inherit the session of another.
//!
//! Memory is bounded: packets, subscriptions, sessions and retained messages by number and size, and what waits for a reader
//! by messages and bytes. What a slow reader has no room for is dropped and counted. Publishers are slowed down to their
//! rate by a late PUBACK and by TCP, not cut off. Two gaps remain that the library leaves no way to close: a connection that
//! never says CONNECT is kept (it costs a socket; expose the port through a proxy that limits them), and the library's own
//! log lines at debug level show payloads, so the target `rmqtt` must stay at info or above.
//!
//! The broker lives in a runtime of its own. A stop is then complete: tasks, sockets and memory are gone with the runtime,
//! where the library alone would leave a task and 45 kB behind for each broker, and the program's own tasks never wait
//! behind a burst of messages. The store is asked on the runtime that started the broker, since its connections belong there.

mod access;
mod bounded;
mod broker;
mod config;
mod desk;
mod guests;
mod hooks;
mod meters;
mod pace;
mod retained;
mod share;
mod watch;

pub use crate::{
    broker::{Broker, StartError},
    config::{Config, Limits, Queue, Rate, ServiceLogin, Tls},
};
