//! The published schemas and examples, held against the types.
#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod golden;
mod hostile;
