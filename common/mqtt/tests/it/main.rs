//! The client against a real Mosquitto, and against servers that behave as no broker should.

mod client;
mod connection;
mod fake;
mod hostile;
mod messages;
mod session;
