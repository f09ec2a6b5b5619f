//! Texts between web and mesh: who may send, what became of each, and whom an answer is for.
