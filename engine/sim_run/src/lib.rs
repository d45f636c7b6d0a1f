//! Turns a scenario, a pack and the live state into a run folder.
