//! The contract of `sim_core`, hostile input and clear errors.
