//! Surface flood (二维地表) and sewer network (一维管网) advanced together.
//!
//! Every manhole, storm inlet and outfall that has a cell of the raster exchanges water with it: what one side gives, the
//! other gets, posted in both accounts. See [`CoupledRun`].

mod error;
mod ledger;
mod model;
mod run;
pub mod verification;

pub use error::UrbanError;
pub use ledger::UrbanLedger;
pub use model::{Coupling, SurfaceOpening, SurfaceOutfall, UrbanModel};
pub use run::CoupledRun;
