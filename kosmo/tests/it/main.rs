//! The program as its user meets it: command line, settings, shutdown.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cli;
mod config;
mod lifecycle;
mod openapi;
mod radios;
mod sim;
mod up;
mod wellbeing;
