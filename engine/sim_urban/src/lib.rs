//! Coupled.
