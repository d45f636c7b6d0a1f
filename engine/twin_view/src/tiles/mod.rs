//! Streams the pack's tilesets: selection by screen-space error, decoding off the main thread, a byte limit.

mod decode;
mod layer;
mod pick_mesh;

pub(crate) use pick_mesh::PickMesh;

use crate::environment::Quality;
use crate::layers::{ViewCamera, VisibleKinds};
use crate::space::enu_from_scene;
use bevy::math::{DMat4, DVec3};
use bevy::prelude::*;
use layer::TileLayer;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tiles3d::select::{Budget, View};
use twin_bevy::{Community, Fetches, Notices, Now, PackInfo, TwinSystems};
use twin_model::{EntityKind, LayerKind};

/// Limits of the streaming.
#[derive(Resource, Debug, Clone, Copy, PartialEq)]
pub struct TileSettings {
    /// Bytes that all loaded tiles may take together.
    pub max_bytes: u64,
    /// Largest screen-space error that is left as it is, pixels.
    pub max_sse_px: f64,
    /// Time per frame for handing over (and, in a browser, decoding) tiles, milliseconds.
    pub frame_budget_ms: f32,
}

impl TileSettings {
    /// Sensible limits for a quality.
    #[must_use]
    pub fn for_quality(quality: Quality) -> Self {
        let web = cfg!(target_arch = "wasm32");
        Self {
            max_bytes: if web { 320 << 20 } else { 1 << 30 },
            max_sse_px: if quality == Quality::High { 10.0 } else { 18.0 },
            frame_budget_ms: if web { 6.0 } else { 5.0 },
        }
    }
}

/// How far the picture is from final.
#[derive(Resource, Debug, Default, Clone, Copy, PartialEq)]
pub struct TileStatus {
    /// Tilesets of shown layers that are still being opened, and tiles that are needed but not there.
    pub pending: usize,
    /// Tiles in memory.
    pub loaded: usize,
    /// Tiles drawn.
    pub drawn: usize,
    /// What they take, bytes.
    pub bytes: u64,
    /// Tiles that could not be read.
    pub failed: usize,
    /// The error that the byte limit allows, pixels; above the setting when memory made the picture coarser.
    pub effective_sse_px: f64,
    /// True once the tilesets are known.
    pub opened: bool,
}

/// The tiled layers of the pack.
#[derive(Resource, Default)]
pub struct TileLayers {
    layers: Vec<TileLayer>,
    /// Counts up when what is drawn changed.
    pub version: u64,
}

impl TileLayers {
    /// Kinds that the pack has tiles for.
    #[must_use]
    pub fn kinds(&self) -> BTreeSet<LayerKind> {
        self.layers.iter().map(|l| l.kind).collect()
    }

    /// Pickable parts of everything that is drawn now.
    pub(crate) fn drawn_parts(&self) -> impl Iterator<Item = &Arc<PickMesh>> {
        self.layers.iter().filter(|l| l.shown).flat_map(TileLayer::drawn_parts)
    }
}

/// Share of the byte limit by kind, percent. The oblique mesh is shown instead of the others.
fn share(kind: LayerKind) -> u64 {
    match kind {
        LayerKind::Terrain => 35,
        LayerKind::Buildings => 25,
        LayerKind::Bim => 20,
        LayerKind::Mesh => 60,
        _ => 10,
    }
}

fn open(mut layers: ResMut<TileLayers>, pack: Res<PackInfo>, community: Res<Community>, settings: Res<TileSettings>) {
    if !layers.layers.is_empty() {
        return;
    }
    let masked = Arc::new(masked_buildings(&pack, &community));
    let manifest = &pack.manifest;
    let mut of_kind: BTreeMap<LayerKind, u64> = BTreeMap::new();
    for layer in &manifest.layers {
        *of_kind.entry(layer.kind).or_default() += 1;
    }
    layers.layers = manifest
        .layers
        .iter()
        .map(|layer| {
            let count = of_kind.get(&layer.kind).copied().unwrap_or(1).max(1);
            let max_bytes = settings.max_bytes / 100 * share(layer.kind) / count;
            TileLayer::new(layer.kind, &layer.tileset, Budget { max_bytes }, settings.max_sse_px, masked.clone())
        })
        .collect();
}

/// Buildings that have a BIM model: their blocks are hidden while BIM is shown.
fn masked_buildings(pack: &PackInfo, community: &Community) -> BTreeSet<u32> {
    let is_bim = |layer: twin_model::LayerId| {
        pack.manifest.layers.get(usize::from(layer.0)).is_some_and(|l| l.kind == LayerKind::Bim)
    };
    let model = &community.0;
    let from_bim = model.entities().iter().filter(|e| is_bim(e.source.layer));
    from_bim.filter_map(|e| model.nearest(e.id, EntityKind::Building)).map(|b| b.id.0).collect()
}

/// The views that tiles are chosen for.
fn views(cameras: &Query<(&Camera, &Transform, &Projection), With<ViewCamera>>) -> Vec<View> {
    let mut views = Vec::new();
    for (camera, transform, projection) in cameras {
        let (Some(size), Projection::Perspective(perspective)) = (camera.physical_target_size(), projection) else {
            continue;
        };
        let vec = |v: Vec3| DVec3::from_array(enu_from_scene(v));
        let aspect = f64::from(size.x) / f64::from(size.y.max(1));
        views.push(View::perspective(
            vec(transform.translation),
            vec(transform.forward().as_vec3()),
            DVec3::Z,
            f64::from(perspective.fov),
            aspect,
            f64::from(size.y),
        ));
    }
    views
}

fn stream(
    mut commands: Commands,
    mut layers: ResMut<TileLayers>,
    mut status: ResMut<TileStatus>,
    mut store: layer::RenderStore,
    mut fetches: ResMut<Fetches>,
    mut notices: ResMut<Notices>,
    settings: Res<TileSettings>,
    pack: Res<PackInfo>,
    kinds: Res<VisibleKinds>,
    now: Res<Now>,
    cameras: Query<(&Camera, &Transform, &Projection), With<ViewCamera>>,
) {
    let views = views(&cameras);
    let from_ecef = DMat4::from_cols_array(&pack.frame.ecef_from_enu_matrix()).inverse();
    let started = bevy::platform::time::Instant::now();
    let mut new = TileStatus { opened: !layers.layers.is_empty(), effective_sse_px: settings.max_sse_px, ..default() };
    let mut changed = false;
    for layer in &mut layers.layers {
        layer.shown = kinds.0.contains(&layer.kind);
        if layer.shown {
            layer.open(&mut fetches, from_ecef);
            layer.choose(&views, &mut fetches, &mut commands);
        }
        layer.receive(&mut fetches);
        let budget = || started.elapsed().as_secs_f32() * 1000.0 < settings.frame_budget_ms;
        layer.decode_and_hand_over(&mut commands, &mut store, budget);
        changed |= layer.show(&mut commands);
        for error in layer.errors.drain(..) {
            notices.push(error, true, now.viewer);
        }
        layer.add_to(&mut new);
    }
    if changed {
        layers.version += 1;
    }
    *status = new;
}

pub(crate) fn register(app: &mut App, settings: TileSettings) {
    app.insert_resource(settings)
        .init_resource::<TileLayers>()
        .init_resource::<TileStatus>()
        .init_resource::<layer::SharedMaterials>()
        .add_systems(
            Update,
            (open, stream)
                .chain()
                .in_set(TwinSystems::Project)
                .after(crate::orbit::apply)
                .run_if(resource_exists::<PackInfo>)
                .run_if(resource_exists::<Community>),
        );
}
