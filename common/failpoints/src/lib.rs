//! Points at which a test can have the process die, as a power cut would: by an abort, with nothing unwound or flushed.
//!
//! [`fail_point!`] marks one. In a build for users it is no code at all: only the feature `enabled`, which nothing but the
//! whole-system tests asks for, makes it a call. There, [`arm`] reads from the environment where to die: `KOSMO_FAIL=POINT:N`
//! at the N-th pass of a point. `KOSMO_FAIL_LOG` names a folder in which a file with the process's number gets a line for every
//! pass, so that it is known which points a run came by.
//!
//! [`POINTS`] lists all of them. A test holds the list against the code, and the kill matrix against the list.

mod points;

#[cfg(feature = "enabled")]
mod armed;
#[cfg(not(feature = "enabled"))]
mod unarmed;
#[cfg(feature = "enabled")]
pub use crate::armed::{ArmError, arm, pass};
pub use crate::points::{POINTS, Part, Point};
#[cfg(not(feature = "enabled"))]
pub use crate::unarmed::{ArmError, arm};

/// Whether points do anything.
pub const ENABLED: bool = cfg!(feature = "enabled");

/// The variable that says where to die: `POINT:N`.
pub const KILL_VARIABLE: &str = "KOSMO_FAIL";
/// The variable that names the folder in which passes are noted, in a file with the process's number.
pub const LOG_VARIABLE: &str = "KOSMO_FAIL_LOG";

/// Marks a point at which a test can have the process die.
#[cfg(feature = "enabled")]
#[macro_export]
macro_rules! fail_point {
    ($name:literal) => {
        $crate::pass($name)
    };
}

/// Marks a point at which a test can have the process die.
#[cfg(not(feature = "enabled"))]
#[macro_export]
macro_rules! fail_point {
    ($name:literal) => {};
}
