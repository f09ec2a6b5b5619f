//! A mesh of simulated radios that speak the real protocol.

mod noise;
pub mod region;
pub mod weather;
