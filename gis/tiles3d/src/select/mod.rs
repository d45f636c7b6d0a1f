//! Which tiles to draw, to load and to drop.
//!
//! A [`TileTree`] holds tiles in the community's frame (east, north, up, metres). A [`Selector`] walks it for one or
//! several [`View`]s. Loading, decoding and drawing are the caller's; it keeps one [`LoadState`] per tile.

mod selector;
mod tree;
mod view;

pub use selector::{Budget, LoadState, Selection, Selector, Settings};
pub use tree::{ContentKind, ContentRef, Obb, TileId, TileNode, TileTree, TreeError};
pub use view::View;
