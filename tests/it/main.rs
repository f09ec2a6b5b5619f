//! Whole-system tests, and the tidy test that holds the structure of the house.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod chaos;
mod clocks;
mod corpora;
mod database;
mod demo;
mod holding;
mod journey;
mod limits;
mod messages;
mod operating;
mod outages;
mod overhearing;
mod points;
mod privacy;
mod recorded;
mod refusals;
mod replicas;
mod restores;
mod schema;
mod secrets;
mod steps;
mod tidy;
mod uplinks;
