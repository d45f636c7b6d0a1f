//! What is drawn (视图): tiles streamed by screen-space error, markers, water, overlays, sky and sun; the camera
//! controller; picking.
//!
//! Everything here reads the resources of `twin_bevy` in [`TwinSystems::Project`](twin_bevy::TwinSystems::Project) and
//! writes only its own entities; what a person does becomes [`CommandIssued`](twin_bevy::CommandIssued) messages in the
//! host. Nothing needs compute shaders: the same code runs in WebGL2.

mod assembly;
mod density;
mod environment;
mod floors;
mod labels;
mod layers;
mod markers;
mod orbit;
mod overlays;
mod people;
mod pick;
mod plain;
mod psets;
mod shapes;
mod space;
mod terrain;
mod tiles;
mod water;

pub use environment::{Quality, camera_bundle, to_sun};
pub use labels::{Label, LabelRank, Labels};
pub use layers::{ViewCamera, VisibleKinds, render_layer};
pub use markers::MarkerMaterial;
pub use orbit::{Flight, InstantFlights, KeepPose, OrbitCamera, OrbitInput};
pub use people::PeopleMaterial;
pub use pick::{Pick, Picker};
pub use psets::PropertySets;
pub use space::{PlaneMap, enu_from_scene, scene_from_enu};
pub use terrain::Ground;
pub use tiles::{TileLayers, TileSettings, TileStatus};
pub use water::WaterMaterial;

use bevy::app::{App, Plugin};

/// Registers everything that is drawn. Needs `twin_bevy::TwinPlugin`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ViewPlugin {
    /// How much work a picture may be.
    pub quality: Quality,
}

impl Plugin for ViewPlugin {
    fn build(&self, app: &mut App) {
        plain::register(app);
        environment::register(app, self.quality);
        terrain::register(app);
        layers::register(app);
        orbit::register(app);
        psets::register(app);
        markers::register(app);
        overlays::register(app);
        water::register(app);
        floors::register(app);
        assembly::register(app);
        people::register(app);
        labels::register(app);
        tiles::register(app, TileSettings::for_quality(self.quality));
    }
}
