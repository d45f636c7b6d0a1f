//! People and smoke in one building.
