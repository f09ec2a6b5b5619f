//! Integration tests of the bridge.
