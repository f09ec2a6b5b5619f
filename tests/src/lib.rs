//! The harness of the whole-system tests: the real binary, started on free ports and stopped by pid.
