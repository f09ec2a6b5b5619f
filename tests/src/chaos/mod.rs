//! Counted kills: a whole system under load, one of whose processes dies at a chosen pass of a chosen point, and a checker that
//! then holds what the system says against what the simulated radios and people saw.

mod check;
mod evidence;
mod load;
mod matrix;
mod observe;
mod post;
mod relay;
mod run;
mod witness;

pub use self::{
    check::{Rule, Violation, check},
    evidence::{Found, TakenBack, Truth},
    matrix::{Kill, Report, full_matrix, seed_of_the_day},
    run::{Outcome, Run},
};
