//! Which names stand where on the screen. Painted by the host.

use crate::layers::ViewCamera;
use crate::space::scene_from_enu;
use bevy::prelude::*;
use twin_bevy::{Community, LayerVisibility, Live, LiveStamp, Selection, ShownEvac, TwinSystems};
use twin_model::{Entity as Thing, EntityKind, LayerKind, RunId};

/// Importance and look of a label, most important first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelRank {
    /// The selection.
    Selected,
    /// An open alarm.
    Alarm,
    /// Estate, school, square …
    Place,
    /// Grid.
    Grid,
    /// Open case.
    Case,
    /// Building.
    Building,
    /// Road or river.
    Road,
    /// Anything else.
    Small,
}

/// One label on the screen.
#[derive(Debug, Clone, PartialEq)]
pub struct Label {
    /// Logical pixels.
    pub at: Vec2,
    /// Text.
    pub text: String,
    /// Importance.
    pub rank: LabelRank,
    /// Distance from the eye, m.
    pub distance_m: f32,
}

/// Labels of each view.
#[derive(Resource, Default)]
pub struct Labels {
    views: Vec<Vec<Label>>,
    fixed: Vec<Anchor>,
    moving: Vec<Anchor>,
    seen: Option<(LiveStamp, Option<RunId>)>,
}

struct Anchor {
    at: Vec3,
    text: String,
    rank: LabelRank,
    /// Shown up to this distance, m.
    reach_m: f32,
    kind: LayerKind,
}

impl Labels {
    /// Labels of one view.
    pub fn of_view(&self, view: usize) -> impl Iterator<Item = &Label> {
        self.views.get(view).into_iter().flatten()
    }
}

fn length(line: &[[f64; 2]]) -> f64 {
    line.windows(2).map(|w| (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1])).sum()
}

fn anchor(thing: &Thing) -> Option<Anchor> {
    let (rank, reach_m) = match thing.kind {
        EntityKind::Estate => (LabelRank::Place, 2600.0),
        EntityKind::Poi => (LabelRank::Small, 480.0),
        EntityKind::Grid => (LabelRank::Grid, 2600.0),
        EntityKind::Building => (LabelRank::Building, 620.0),
        // Long roads are named from afar, paths only from near.
        EntityKind::Road => (LabelRank::Road, (length(&thing.line) * 1.6).clamp(120.0, 900.0) as f32),
        EntityKind::Water => (LabelRank::Road, 2000.0),
        EntityKind::Gate => (LabelRank::Small, 260.0),
        _ => return None,
    };
    let kind = if thing.kind == EntityKind::Grid { LayerKind::Grids } else { LayerKind::Labels };
    let top = match thing.kind {
        EntityKind::Building => thing.base_z_m + thing.height_m + 1.0,
        EntityKind::Estate => thing.p_enu[2].max(thing.base_z_m) + 30.0,
        _ => thing.p_enu[2] + 3.0,
    };
    let at = scene_from_enu([thing.p_enu[0], thing.p_enu[1], top]);
    (!thing.name.is_empty()).then(|| Anchor { at, text: thing.name.clone(), rank, reach_m, kind })
}

fn anchors(
    mut labels: ResMut<Labels>,
    community: Res<Community>,
    live: Res<Live>,
    stamp: Res<LiveStamp>,
    selection: Res<Selection>,
    evac: Res<ShownEvac>,
) {
    let model = &community.0;
    if labels.fixed.is_empty() {
        labels.fixed = model.entities().iter().filter_map(anchor).collect();
    }
    let ground = evac.ground.as_ref().and(evac.run);
    if labels.seen == Some((*stamp, ground)) && !selection.is_changed() {
        return;
    }
    labels.seen = Some((*stamp, ground));
    labels.moving.clear();
    let mut moving = Vec::new();
    if let Some(thing) = selection.0.and_then(|id| model.get(id)) {
        let top = if thing.footprint.is_some() { thing.base_z_m + thing.height_m } else { thing.p_enu[2] };
        let at = scene_from_enu([thing.p_enu[0], thing.p_enu[1], top.max(thing.p_enu[2]) + 1.0]);
        let text = thing.name.clone();
        moving.push(Anchor { at, text, rank: LabelRank::Selected, reach_m: 20_000.0, kind: LayerKind::Terrain });
    }
    for alarm in live.0.open_alarms() {
        let Some(thing) = model.get(alarm.entity) else { continue };
        let at = crate::markers::marker_point(thing) + Vec3::Y * 2.0;
        let text = format!("{} · {}", thing.name, alarm.text);
        moving.push(Anchor { at, text, rank: LabelRank::Alarm, reach_m: 700.0, kind: LayerKind::Alarms });
    }
    for case in live.0.cases().filter(|c| c.stage.is_open()) {
        let at = crate::markers::case_point(case.p_enu) + Vec3::Y * 2.0;
        let text = format!("{} · {}", case.title, case.stage.zh());
        moving.push(Anchor { at, text, rank: LabelRank::Case, reach_m: 900.0, kind: LayerKind::Cases });
    }
    if let Some(ground) = &evac.ground {
        for area in &ground.assembly {
            let at = scene_from_enu(crate::assembly::middle(ground, area)) + Vec3::Y * 2.0;
            let (text, rank, reach_m) = (format!("集合点 · {}", area.name), LabelRank::Small, 900.0);
            moving.push(Anchor { at, text, rank, reach_m, kind: LayerKind::People });
        }
    }
    labels.moving = moving;
}

fn project(
    mut labels: ResMut<Labels>,
    visibility: Res<LayerVisibility>,
    cameras: Query<(&ViewCamera, &Camera, &Transform)>,
) {
    let labels = &mut *labels;
    let count = cameras.iter().map(|(view, ..)| view.index + 1).max().unwrap_or(0);
    labels.views.resize_with(count, Vec::new);
    for (view, camera, transform) in &cameras {
        let shown = view.layers.as_ref().unwrap_or(&visibility.0);
        let Some(out) = labels.views.get_mut(view.index) else { continue };
        out.clear();
        let size = camera.logical_viewport_size().unwrap_or(Vec2::ZERO);
        let world = GlobalTransform::from(*transform);
        let all = labels.fixed.iter().chain(&labels.moving);
        for anchor in all {
            let always = anchor.rank == LabelRank::Selected;
            let named = always
                || (shown.contains(&anchor.kind)
                    && (shown.contains(&LayerKind::Labels) || anchor.kind != LayerKind::Labels));
            let distance_m = anchor.at.distance(transform.translation);
            if !named || distance_m > anchor.reach_m {
                continue;
            }
            let Ok(at) = camera.world_to_viewport(&world, anchor.at) else { continue };
            if at.x < 0.0 || at.y < 0.0 || at.x > size.x || at.y > size.y {
                continue;
            }
            // One name is enough for the pieces of a road, and for a thing that is selected.
            if let Some(same) = out.iter_mut().find(|l| l.text == anchor.text && (l.rank == LabelRank::Road || always))
            {
                if always || distance_m < same.distance_m {
                    *same = Label { at, text: anchor.text.clone(), rank: anchor.rank, distance_m };
                }
                continue;
            }
            out.push(Label { at, text: anchor.text.clone(), rank: anchor.rank, distance_m });
        }
    }
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<Labels>().add_systems(
        Update,
        (anchors, project)
            .chain()
            .in_set(TwinSystems::Project)
            .after(crate::orbit::apply)
            .run_if(resource_exists::<Community>),
    );
}
