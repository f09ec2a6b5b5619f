//! What a client of the simulated mesh notices.

mod weather;
