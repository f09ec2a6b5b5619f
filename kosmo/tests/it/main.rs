//! The program as its user meets it: command line, settings, shutdown.

mod cli;
mod config;
mod lifecycle;
mod up;
