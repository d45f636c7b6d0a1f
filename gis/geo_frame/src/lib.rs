//! Coordinate reference systems, local frames and Chinese map offsets.
//!
//! Everything is `f64` and pure Rust, so that the same code runs natively and as WASM.
//!
//! # Conventions
//!
//! - **Axis order** is always x = east or longitude, y = north or latitude, whatever order the EPSG register lists.
//! - **Angles** are degrees, **lengths** are metres, headings do not occur here.
//! - **Horizontal datums**: WGS 84 and CGCS2000 (and GRS 80 based frames without datum shift) are treated as
//!   coincident; the real difference is a few centimetres, below what the deliveries of a community resolve.
//! - **Heights** pass through unchanged. A delivery's height (mostly the 1985 national height datum) is used as the
//!   height of the [`Geodetic`] position, no geoid model is applied, and a vertical EPSG code is only remembered.
//!   Inside one community this is a constant offset of −40…+20 m that cancels in the local frame.
//! - **Local frame**: ENU (east, north, up) on the tangent plane at the community's origin, see [`EnuFrame`].
//!
//! # Example
//!
//! ```
//! use geo_frame::{Crs, EnuFrame, Projector};
//!
//! # fn main() -> Result<(), geo_frame::FrameError> {
//! let crs = Crs::from_user("EPSG:4547")?;
//! let origin = crs.to_geodetic([550_901.323, 3_360_977.338, 20.0])?;
//! let projector = Projector::new(crs, EnuFrame::new(origin));
//! let p_enu = projector.enu_from_crs([551_901.323, 3_360_977.338, 20.0])?;
//! assert!((p_enu[0] - 1000.0).abs() < 0.1);
//! // the grid's east is not the true east: 4.7 m per kilometre here
//! assert!((p_enu[1].abs() - 4.67).abs() < 0.1);
//! # Ok(())
//! # }
//! ```

pub mod china;
mod crs;
mod enu;
mod error;
mod geodesy;
mod zone;

pub use crs::Crs;
pub use enu::{EnuFrame, Projector};
pub use error::FrameError;
pub use geodesy::{Geodetic, LonLat, WGS84_A_M, WGS84_F, ecef_from_geodetic, geodetic_from_ecef};
pub use zone::{ZonePrefixReport, detect_zone_prefix};
