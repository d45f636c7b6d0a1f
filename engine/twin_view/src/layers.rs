//! Layers as render layers: a camera shows the kinds it has, so that windows of one wall can differ.

use bevy::camera::visibility::RenderLayers;
use bevy::prelude::*;
use std::collections::BTreeSet;
use twin_bevy::{LayerVisibility, ShownEvac, ShownRun, TwinSystems};
use twin_model::LayerKind;

/// A camera that shows the community.
#[derive(Component, Debug, Clone, Default)]
pub struct ViewCamera {
    /// Position in the wall; 0 is the one that is operated.
    pub index: usize,
    /// Layers of this camera alone; `None` follows [`LayerVisibility`].
    pub layers: Option<BTreeSet<LayerKind>>,
    /// Draw labels and markers larger by this factor (wall displays).
    pub scale: f32,
}

/// Render layer of things that every camera shows.
pub const ALWAYS: usize = 0;
/// Buildings that a BIM model stands for: shown when BIM is hidden.
pub const MASKED_BUILDINGS: usize = 20;
/// The still water of rivers and ponds: shown when no run is.
pub const STILL_WATER: usize = 21;

/// Render layer of a kind.
#[must_use]
pub fn render_layer(kind: LayerKind) -> usize {
    LayerKind::ALL.iter().position(|k| *k == kind).map_or(ALWAYS, |i| i + 1)
}

fn layers_of(kinds: &BTreeSet<LayerKind>, run_shown: bool, inside_shown: bool) -> RenderLayers {
    let mut layers = RenderLayers::layer(ALWAYS);
    // Who looks into a building does not want its hull, nor hundreds of meters and lamps between the people.
    const IN_THE_WAY: [LayerKind; 3] = [LayerKind::Bim, LayerKind::Devices, LayerKind::Cameras];
    let inside = inside_shown && kinds.contains(&LayerKind::Floors);
    for kind in kinds.iter().filter(|k| !(inside && IN_THE_WAY.contains(k))) {
        layers = layers.with(render_layer(*kind));
    }
    if kinds.contains(&LayerKind::Buildings) && !kinds.contains(&LayerKind::Bim) {
        layers = layers.with(MASKED_BUILDINGS);
    }
    if !(run_shown && kinds.contains(&LayerKind::Water)) && !kinds.contains(&LayerKind::Mesh) {
        layers = layers.with(STILL_WATER);
    }
    layers
}

/// The kinds that at least one camera shows; only these are streamed.
#[derive(Resource, Debug, Default, Clone, PartialEq, Eq)]
pub struct VisibleKinds(pub BTreeSet<LayerKind>);

pub(crate) fn assign(
    visibility: Res<LayerVisibility>,
    shown: Res<ShownRun>,
    inside: Res<ShownEvac>,
    mut kinds: ResMut<VisibleKinds>,
    mut cameras: Query<(&ViewCamera, &mut RenderLayers)>,
    mut lights: Query<&mut RenderLayers, (With<DirectionalLight>, Without<ViewCamera>)>,
) {
    let mut all = RenderLayers::none();
    let mut union = BTreeSet::new();
    for (view, mut layers) in &mut cameras {
        let shown_kinds = view.layers.as_ref().unwrap_or(&visibility.0);
        let wanted = layers_of(shown_kinds, shown.run.is_some(), inside.run.is_some());
        all = all.union(&wanted);
        union.extend(shown_kinds.iter().copied());
        if *layers != wanted {
            *layers = wanted;
        }
    }
    for mut layers in &mut lights {
        if *layers != all {
            *layers = all.clone();
        }
    }
    if kinds.0 != union {
        kinds.0 = union;
    }
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<VisibleKinds>().add_systems(Update, assign.in_set(TwinSystems::Project));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bim_hides_the_block_that_it_stands_for() {
        let with = |kinds: &[LayerKind]| layers_of(&kinds.iter().copied().collect(), false, false);
        let masked = RenderLayers::layer(MASKED_BUILDINGS);
        assert!(with(&[LayerKind::Buildings]).intersects(&masked));
        assert!(!with(&[LayerKind::Buildings, LayerKind::Bim]).intersects(&masked));
        let inside = layers_of(&[LayerKind::Bim, LayerKind::Floors].into(), false, true);
        assert!(!inside.intersects(&RenderLayers::layer(render_layer(LayerKind::Bim))));
        assert!(!inside.intersects(&masked), "nor the block that stands for it");
        assert!(!with(&[LayerKind::Mesh]).intersects(&RenderLayers::layer(STILL_WATER)));
    }
}
