//! What a program does that has no points: nothing, whatever the environment says.

use std::{convert::Infallible, ffi::OsString};

/// Why points could not be armed; where there are none, nothing can go wrong.
pub type ArmError = Infallible;

/// Does nothing.
///
/// # Errors
/// Never.
pub fn arm(_variable: impl Fn(&str) -> Option<OsString>) -> Result<(), ArmError> {
    Ok(())
}
