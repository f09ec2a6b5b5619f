//! The protocol against recordings of the real firmware, and against noise.
