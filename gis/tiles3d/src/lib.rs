//! 3D Tiles 1.1: glb and tileset reading, writing and selection by screen-space error.
//!
//! * [`glb`] — models: positions in tile-local z-up metres (east, north, up), written as glTF 2.0 binary.
//! * [`b3dm`] — models of 3D Tiles 1.0.
//! * [`tileset`] — `tileset.json` with one clear error for what is wrong in it.
//! * [`implicit`] — subtree files of implicit tilesets.
//! * [`select`] — which tiles to draw, to load and to drop, under a byte limit that is never passed.
//!
//! Nothing here knows an engine, a thread or a network.

pub mod b3dm;
pub mod glb;
pub mod implicit;
pub mod select;
pub mod tileset;
pub mod uri;

pub use b3dm::{B3dm, read_b3dm};
pub use glb::{GlbError, GlbImage, GlbModel, Material, Primitive, PropertyTable, read_glb, write_glb};
pub use tileset::{BoundingVolume, Refine, Tile, Tileset, TilesetError, enu_to_ecef_transform};
