//! Reader and writer of OpenSceneGraph binary files (`.osgb`) as oblique photography delivers them.
//!
//! [`read`] takes the bytes of one file and gives its nodes, meshes and images; JPEG images stay as they are.
//! [`flatten`] gives meshes in one frame and the list of finer files. [`write`] produces the layout that
//! ContextCapture writes. [`metadata`] handles the `metadata.xml` beside a delivery.
//!
//! Nothing here panics on bad input: an [`OsgbError`] names the byte and what was expected.

mod arrays;
mod build;
mod error;
mod flatten;
mod geometry;
pub mod metadata;
mod model;
mod primitives;
mod read;
mod state;
mod stream;
pub mod write;

pub use error::{OsgbError, OsgbErrorKind};
pub use flatten::{Bounds, ChildFile, Flat, FlatMesh, flatten, geometric_error};
pub use model::{Geometry, Image, ImageData, Lod, LodChild, Node, OsgbFile, PagedLod, RangeMode, RawImage};
pub use read::{MAX_DECOMPRESSED_BYTES, MAX_DEPTH, MAX_EXPANDED_BYTES, read};
