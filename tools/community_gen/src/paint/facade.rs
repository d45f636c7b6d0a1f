//! Facades: a colour for every point of a wall.
