//! The client against a real Mosquitto, and against servers that behave as no broker should.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod connection;
mod fake;
mod hostile;
mod messages;
mod session;
