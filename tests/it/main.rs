//! Whole-system tests, and the tidy test that holds the structure of the house.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod demo;
mod journey;
mod messages;
mod operating;
mod points;
mod recorded;
mod refusals;
mod tidy;
