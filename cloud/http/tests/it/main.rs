//! What a client of any service sees: answers, refusals, limits, and how a server ends.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod answers;
mod connections;
