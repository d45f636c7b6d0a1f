//! The inside of a building during an evacuation: floors, walls, doors and stairs of its plan, smoke under the ceilings and the
//! density of people. Stands in the place of the BIM model while a run of the building is shown.

use crate::density::{CELL_M, colour, density};
use crate::environment::{Lit, plain_light};
use crate::layers::render_layer;
use crate::orbit::KeepPose;
use crate::plain::PlainMaterial;
use crate::shapes::{MeshBuilder, triangulate};
use crate::space::scene_from_enu;
use bevy::camera::visibility::RenderLayers;
use bevy::light::{NotShadowCaster, NotShadowReceiver};
use bevy::prelude::*;
use community_pack::evac_folder::{EvacFrame, SpaceMark};
use std::sync::Arc;
use twin_bevy::{FlyRequest, ShownEvac, ShownStorey, TwinSystems};
use twin_model::{BuildingPlan, LayerKind, OpeningKind, PlanFlight, PlanSpace, RunId, SpaceUse, StoreyIndex};

/// What an entity here shows of its storey.
#[derive(Component, Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Floor,
    Wall,
    Smoke,
    Density,
}

#[derive(Resource)]
struct Looks {
    /// Floors of a storey that is looked into.
    solid: Handle<PlainMaterial>,
    glass: Handle<PlainMaterial>,
    /// Drawn over the glass of its storey.
    over: Handle<PlainMaterial>,
    /// Drawn over both.
    smoke: Handle<PlainMaterial>,
}

impl Looks {
    fn of(&self, part: Part, isolated: bool) -> &Handle<PlainMaterial> {
        match part {
            Part::Floor if isolated => &self.solid,
            Part::Floor => &self.glass,
            Part::Wall | Part::Density => &self.over,
            Part::Smoke => &self.smoke,
        }
    }
}

#[derive(Resource, Default)]
struct Built {
    run: Option<RunId>,
    floors: Option<(RunId, Option<StoreyIndex>)>,
    frame: Option<((RunId, usize, usize), Option<StoreyIndex>)>,
}

fn setup(mut commands: Commands, mut materials: ResMut<Assets<PlainMaterial>>) {
    let glass = PlainMaterial {
        uniform: plain_light(Lit::No),
        texture: None,
        alpha: AlphaMode::Blend,
        double_sided: true,
        after_m: 0.0,
    };
    // Less than a storey's height, so that the order of storeys stays.
    commands.insert_resource(Looks {
        solid: materials.add(PlainMaterial { alpha: AlphaMode::Opaque, ..glass.clone() }),
        over: materials.add(PlainMaterial { after_m: 0.8, ..glass.clone() }),
        smoke: materials.add(PlainMaterial { after_m: 1.6, ..glass.clone() }),
        glass: materials.add(glass),
    });
}

/// Floor colours, linear.
fn floor_colour(use_: SpaceUse) -> [f32; 3] {
    match use_ {
        SpaceUse::Circulation => [0.22, 0.25, 0.29],
        SpaceUse::Stair => [0.24, 0.21, 0.14],
        SpaceUse::Service | SpaceUse::Parking => [0.09, 0.10, 0.12],
        _ => [0.09, 0.13, 0.20],
    }
}

const WALL: [f32; 4] = [0.75, 0.82, 0.92, 0.34];
const DOOR: [f32; 4] = [0.85, 0.66, 0.36, 0.95];
const EXIT: [f32; 4] = [0.05, 0.85, 0.30, 0.6];
const STAIR: [f32; 4] = [0.55, 0.50, 0.36, 0.9];
/// Height of walls where one storey is looked into, and where all lie over each other, m.
const WALL_HEIGHTS_M: [f64; 2] = [1.1, 0.18];
/// How solid floors are in the two cases.
const FLOOR_ALPHA: [f32; 2] = [1.0, 0.42];

fn area(mesh: &mut MeshBuilder, space: &PlanSpace, z: f64, colour: [f32; 4]) {
    let rings: Vec<Vec<[f64; 2]>> = std::iter::once(&space.outline).chain(&space.holes).cloned().collect();
    let (points, indices) = triangulate(&rings);
    let points: Vec<Vec3> = points.iter().map(|p| scene_from_enu([p[0], p[1], z])).collect();
    mesh.indexed(&points, &indices, Vec3::Y, colour);
}

fn upright(mesh: &mut MeshBuilder, a: [f64; 2], b: [f64; 2], low: f64, high: f64, colour: [f32; 4]) {
    let at = |p: [f64; 2], z: f64| scene_from_enu([p[0], p[1], z]);
    mesh.quad([at(a, low), at(b, low), at(b, high), at(a, high)], colour);
}

/// How far an opening may lie off a wall and still be in it, m.
const IN_WALL_M: f64 = 0.45;

/// The parts of a wall, as shares of its length, that no opening takes away.
fn solid(a: [f64; 2], b: [f64; 2], openings: &[[[f64; 2]; 2]]) -> Vec<[f64; 2]> {
    let d = [b[0] - a[0], b[1] - a[1]];
    let length2 = (d[0] * d[0] + d[1] * d[1]).max(1e-12);
    let place = |p: [f64; 2]| {
        let to = [p[0] - a[0], p[1] - a[1]];
        let off = (to[0] * d[1] - to[1] * d[0]).abs() / length2.sqrt();
        ((to[0] * d[0] + to[1] * d[1]) / length2, off)
    };
    let mut gaps: Vec<[f64; 2]> = Vec::new();
    for [p, q] in openings {
        let ((s, off_p), (t, off_q)) = (place(*p), place(*q));
        let [low, high] = [s.min(t).max(0.0), s.max(t).min(1.0)];
        if off_p.max(off_q) < IN_WALL_M && high > low {
            gaps.push([low, high]);
        }
    }
    gaps.sort_by(|x, y| x[0].total_cmp(&y[0]));
    let (mut parts, mut from) = (Vec::new(), 0.0);
    for [low, high] in gaps {
        if low > from {
            parts.push([from, low]);
        }
        from = high.max(from);
    }
    if from < 1.0 {
        parts.push([from, 1.0]);
    }
    parts
}

fn flight(mesh: &mut MeshBuilder, f: &PlanFlight) -> [[Vec3; 2]; 2] {
    let run = f.run_m().max(1e-6);
    let side = [-(f.head[1] - f.foot[1]) / run * f.width_m / 2.0, (f.head[0] - f.foot[0]) / run * f.width_m / 2.0];
    let edge = |p: [f64; 3]| [1.0, -1.0].map(|s| scene_from_enu([p[0] + s * side[0], p[1] + s * side[1], p[2] + 0.02]));
    let (foot, head) = (edge(f.foot), edge(f.head));
    mesh.quad([foot[0], foot[1], head[1], head[0]], STAIR);
    [foot, head]
}

/// Of a storey: floors, doors and the stairs that leave it upwards; and walls.
fn floor_meshes(plan: &BuildingPlan, storey: StoreyIndex, isolated: bool) -> [MeshBuilder; 2] {
    let (mut mesh, mut walls) = (MeshBuilder::default(), MeshBuilder::default());
    let (wall_m, alpha) =
        if isolated { (WALL_HEIGHTS_M[0], FLOOR_ALPHA[0]) } else { (WALL_HEIGHTS_M[1], FLOOR_ALPHA[1]) };
    let here = |k: usize| plan.spaces.get(k).filter(|s| s.storey == storey && s.use_ != SpaceUse::Shaft);
    let opened: Vec<_> = plan.openings.iter().filter(|o| o.walkable()).collect();
    for k in 0..plan.spaces.len() {
        let Some(space) = here(k) else { continue };
        let [r, g, b] = floor_colour(space.use_);
        area(&mut mesh, space, space.floor_m, [r, g, b, alpha]);
        let mine = opened.iter().filter(|o| o.sides.iter().flatten().any(|s| s.index() == k));
        let gaps: Vec<_> = mine.map(|o| o.ends).collect();
        for (i, a) in space.outline.iter().enumerate() {
            let b = space.outline[(i + 1) % space.outline.len()];
            let at = |t: f64| [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
            for [from, to] in solid(*a, b, &gaps) {
                upright(&mut walls, at(from), at(to), space.floor_m, space.floor_m + wall_m, WALL);
            }
        }
    }
    for o in &opened {
        let Some(space) = o.sides.iter().flatten().find_map(|s| here(s.index())) else { continue };
        let (colour, high) = if o.is_exit() { (EXIT, 2.1) } else { (DOOR, 0.12) };
        if o.kind == OpeningKind::Door || o.is_exit() {
            upright(&mut mesh, o.ends[0], o.ends[1], space.floor_m, space.floor_m + high, colour);
        }
    }
    for stair in plan.stairs.iter().filter(|s| here(s.lower.index()).is_some()) {
        let mut last: Option<[Vec3; 2]> = None;
        for f in &stair.flights {
            let [foot, head] = flight(&mut mesh, f);
            if let Some(before) = last {
                mesh.quad([before[0], before[1], foot[0], foot[1]], STAIR);
            }
            last = Some(head);
        }
    }
    [mesh, walls]
}

/// Smoke thinner than this is not drawn, 1/m: reflecting signs are seen 60 m far.
const THIN_PER_M: f64 = 0.05;
/// Length over which smoke is looked through from the side when it is drawn, m.
const THROUGH_M: f64 = 3.0;
/// Way through a layer over its thickness, for who looks down at 45°.
const SLANT: f64 = 1.4;
/// Visibility below which a space is marked as unsafe, m: the limit of escape routes in `sim_evac`.
const UNSAFE_M: f64 = 10.0;
const UNSAFE: [f32; 4] = [0.75, 0.03, 0.02, 0.40];

fn smoke(mesh: &mut MeshBuilder, space: &PlanSpace, mark: &SpaceMark) {
    if mark.visibility_m < UNSAFE_M {
        area(mesh, space, space.floor_m + 0.03, UNSAFE);
    }
    let Some(edge_m) = mark.smoke_edge_m.filter(|_| mark.smoke_per_m > THIN_PER_M) else { return };
    let (low, high) = (space.floor_m + edge_m.max(0.05), space.floor_m + space.height_m - 0.02);
    // Each surface hides a share, so that looking through two of them hides as much as the layer does.
    let colour = |through_m: f64| {
        let alpha = (1.0 - (-mark.smoke_per_m * through_m).exp()).min(0.92) as f32;
        let grey = 0.16 - 0.10 * alpha;
        [grey, grey, grey, 1.0 - (1.0 - alpha).sqrt()]
    };
    let flat = colour(SLANT * (high - low).max(0.0));
    area(mesh, space, low, flat);
    area(mesh, space, high, flat);
    for (i, a) in space.outline.iter().enumerate() {
        upright(mesh, *a, space.outline[(i + 1) % space.outline.len()], low, high, colour(THROUGH_M));
    }
}

fn smoke_mesh(plan: &BuildingPlan, storey: StoreyIndex, frame: &EvacFrame) -> MeshBuilder {
    let mut mesh = MeshBuilder::default();
    let here = plan.spaces.iter().zip(&frame.spaces).filter(|(s, _)| s.storey == storey && s.use_ != SpaceUse::Shaft);
    here.for_each(|(space, mark)| smoke(&mut mesh, space, mark));
    mesh
}

/// How far feet may be from the floor's level and still stand on it, m: people on stairs are not counted.
const ON_FLOOR_M: f64 = 0.4;

fn density_mesh(plan: &BuildingPlan, storey: StoreyIndex, frame: &EvacFrame) -> MeshBuilder {
    let mut mesh = MeshBuilder::default();
    let Some(floor) = plan.storeys.get(storey.index()) else { return mesh };
    let z = floor.elevation_m;
    for ((i, j), d) in density(&frame.people, z - ON_FLOOR_M..z + ON_FLOOR_M) {
        let Some(colour) = colour(d) else { continue };
        let at = |di: i32, dj: i32| scene_from_enu([f64::from(i + di) * CELL_M, f64::from(j + dj) * CELL_M, z + 0.06]);
        mesh.quad([at(0, 0), at(1, 0), at(1, 1), at(0, 1)], colour);
    }
    mesh
}

#[derive(bevy::ecs::system::SystemParam)]
struct Board<'w, 's> {
    commands: Commands<'w, 's>,
    meshes: ResMut<'w, Assets<Mesh>>,
    looks: Res<'w, Looks>,
    existing: Query<'w, 's, (Entity, &'static Part)>,
}

impl Board<'_, '_> {
    fn clear(&mut self, parts: &[Part]) {
        for (entity, _) in self.existing.iter().filter(|(_, part)| parts.contains(part)) {
            self.commands.entity(entity).despawn();
        }
    }

    fn spawn(&mut self, part: Part, isolated: bool, kind: LayerKind, mesh: MeshBuilder) {
        if mesh.is_empty() {
            return;
        }
        self.commands.spawn((
            part,
            Mesh3d(self.meshes.add(mesh.build())),
            MeshMaterial3d(self.looks.of(part, isolated).clone()),
            RenderLayers::layer(render_layer(kind)),
            NotShadowCaster,
            NotShadowReceiver,
        ));
    }
}

fn show(
    mut built: ResMut<Built>,
    mut board: Board,
    mut fly: MessageWriter<FlyRequest>,
    shown: Res<ShownEvac>,
    storey: Res<ShownStorey>,
    placed: Query<(), With<KeepPose>>,
) {
    let (Some(plan), Some(frame), Some(key)) = (&shown.plan, &shown.before, shown.key) else {
        if built.run.is_some() {
            board.clear(&[Part::Floor, Part::Wall, Part::Smoke, Part::Density]);
            *built = Built::default();
        }
        return;
    };
    if built.run != Some(key.0) {
        built.run = Some(key.0);
        if let Some(building) = plan.building.filter(|_| placed.is_empty()) {
            fly.write(FlyRequest::Entity(building));
        }
    }
    let (storeys, isolated) = (storeys_of(plan, storey.0), storey.0.is_some());
    if built.floors != Some((key.0, storey.0)) {
        built.floors = Some((key.0, storey.0));
        board.clear(&[Part::Floor, Part::Wall]);
        for s in &storeys {
            let [floors, walls] = floor_meshes(plan, *s, isolated);
            board.spawn(Part::Floor, isolated, LayerKind::Floors, floors);
            board.spawn(Part::Wall, isolated, LayerKind::Floors, walls);
        }
    }
    if built.frame != Some((key, storey.0)) {
        built.frame = Some((key, storey.0));
        board.clear(&[Part::Smoke, Part::Density]);
        for s in &storeys {
            board.spawn(Part::Smoke, isolated, LayerKind::Smoke, smoke_mesh(plan, *s, frame));
            board.spawn(Part::Density, isolated, LayerKind::Density, density_mesh(plan, *s, frame));
        }
    }
}

fn storeys_of(plan: &Arc<BuildingPlan>, only: Option<StoreyIndex>) -> Vec<StoreyIndex> {
    let all = (0..plan.storeys.len() as u32).map(StoreyIndex);
    all.filter(|s| only.is_none_or(|o| o == *s)).collect()
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<Built>().add_systems(Startup, setup).add_systems(Update, show.in_set(TwinSystems::Project));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doors_take_their_part_out_of_walls() {
        let wall = ([0.0, 0.0], [10.0, 0.0]);
        assert_eq!(solid(wall.0, wall.1, &[]), [[0.0, 1.0]]);
        assert_eq!(solid(wall.0, wall.1, &[[[5.0, 0.1], [4.0, 0.1]]]), [[0.0, 0.4], [0.5, 1.0]]);
        assert_eq!(solid(wall.0, wall.1, &[[[4.0, 3.0], [5.0, 3.0]]]), [[0.0, 1.0]], "another wall's door");
        assert_eq!(
            solid(wall.0, wall.1, &[[[-1.0, 0.0], [2.0, 0.0]], [[1.0, 0.0], [11.0, 0.0]]]),
            Vec::<[f64; 2]>::new()
        );
    }
}
