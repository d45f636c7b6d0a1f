//! Panels as functions of a view-model that emit commands.
