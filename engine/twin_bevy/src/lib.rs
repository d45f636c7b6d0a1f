//! The adapter between the model and Bevy: ingest, apply, project; one way.
