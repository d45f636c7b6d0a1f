//! The camera controller: orbit, pan, zoom to the pointer, keys, flights.

use crate::layers::ViewCamera;
use crate::space::{enu_from_scene, scene_from_enu};
use crate::terrain::Ground;
use bevy::prelude::*;
use twin_bevy::{Community, FlyRequest, PackInfo, TwinSystems};
use twin_model::{CameraPose, Entity as Thing, EntityKind};

/// Where a camera looks: a point, a distance and two angles. All scene metres and radians.
#[derive(Component, Debug, Clone, Copy, PartialEq)]
pub struct OrbitCamera {
    /// Looked-at point.
    pub target: Vec3,
    /// Distance from it, m.
    pub distance: f32,
    /// Clockwise from north, radians: the direction of sight.
    pub heading: f32,
    /// Below the horizon, radians in (0, π/2).
    pub pitch: f32,
}

impl Default for OrbitCamera {
    fn default() -> Self {
        Self { target: Vec3::ZERO, distance: 900.0, heading: 0.0, pitch: 0.6 }
    }
}

const MIN_DISTANCE_M: f32 = 4.0;
const MAX_DISTANCE_M: f32 = 6000.0;
const MIN_PITCH: f32 = 0.03;
const MAX_PITCH: f32 = 1.55;

impl OrbitCamera {
    /// Looking from one point to another (scene metres).
    #[must_use]
    pub fn looking(eye: Vec3, target: Vec3) -> Self {
        let sight = target - eye;
        let distance = sight.length().max(MIN_DISTANCE_M);
        let flat = Vec2::new(sight.x, sight.z).length();
        Self { target, distance, heading: sight.x.atan2(-sight.z), pitch: (-sight.y).atan2(flat) }
    }

    /// From a pose in ENU.
    #[must_use]
    pub fn from_pose(pose: &CameraPose) -> Self {
        Self::looking(scene_from_enu(pose.eye_enu), scene_from_enu(pose.target_enu))
    }

    /// Direction of sight.
    #[must_use]
    pub fn sight(&self) -> Vec3 {
        let (sin_h, cos_h) = self.heading.sin_cos();
        let (sin_p, cos_p) = self.pitch.sin_cos();
        Vec3::new(sin_h * cos_p, -sin_p, -cos_h * cos_p)
    }

    /// The eye.
    #[must_use]
    pub fn eye(&self) -> Vec3 {
        self.target - self.sight() * self.distance
    }

    /// The same as a pose in ENU.
    #[must_use]
    pub fn pose(&self) -> CameraPose {
        CameraPose { eye_enu: enu_from_scene(self.eye()), target_enu: enu_from_scene(self.target) }
    }

    fn transform(&self) -> Transform {
        Transform::from_translation(self.eye()).looking_to(self.sight(), Vec3::Y)
    }

    /// Right and forward on the ground.
    fn ground_axes(&self) -> (Vec3, Vec3) {
        let (sin, cos) = self.heading.sin_cos();
        (Vec3::new(cos, 0.0, sin), Vec3::new(sin, 0.0, -cos))
    }

    fn limit(&mut self) {
        self.distance = self.distance.clamp(MIN_DISTANCE_M, MAX_DISTANCE_M);
        self.pitch = self.pitch.clamp(MIN_PITCH, MAX_PITCH);
    }

    /// Between two views; `t` in [0, 1].
    fn between(&self, to: &Self, t: f32) -> Self {
        let turn =
            (to.heading - self.heading + std::f32::consts::PI).rem_euclid(std::f32::consts::TAU) - std::f32::consts::PI;
        Self {
            target: self.target.lerp(to.target, t),
            distance: self.distance * (to.distance / self.distance).powf(t),
            heading: self.heading + turn * t,
            pitch: self.pitch + (to.pitch - self.pitch) * t,
        }
    }
}

/// A flight in progress.
#[derive(Component, Debug, Clone, Copy)]
pub struct Flight {
    from: OrbitCamera,
    to: OrbitCamera,
    /// Seconds since its start.
    at_s: f32,
    /// Length in seconds.
    of_s: f32,
}

/// What the person does with pointer and keys this frame; the host fills it in and leaves out what panels took.
#[derive(Resource, Debug, Default, Clone, Copy, PartialEq)]
pub struct OrbitInput {
    /// Orbit by so many pixels.
    pub orbit_px: Vec2,
    /// Pan by so many pixels.
    pub pan_px: Vec2,
    /// Zoom steps; positive is nearer.
    pub zoom: f32,
    /// Ground point below the pointer, which zooming keeps in place.
    pub zoom_at: Option<Vec3>,
    /// Move right, forward, up; each in [-1, 1].
    pub keys: Vec3,
}

/// Jumps instead of flying: captures and tests.
#[derive(Resource, Debug, Default, Clone, Copy)]
pub struct InstantFlights(pub bool);

fn control(
    input: Res<OrbitInput>,
    time: Res<Time>,
    mut cameras: Query<(Entity, &ViewCamera, &mut OrbitCamera)>,
    mut commands: Commands,
) {
    if *input == OrbitInput::default() {
        return;
    }
    let Some((entity, _, mut camera)) = cameras.iter_mut().find(|(_, view, _)| view.index == 0) else { return };
    commands.entity(entity).remove::<Flight>();
    camera.heading -= input.orbit_px.x * 0.005;
    camera.pitch += input.orbit_px.y * 0.004;
    let (right, forward) = camera.ground_axes();
    let metres_per_px = camera.distance * 0.0011;
    let pan = (forward * input.pan_px.y / camera.pitch.sin().max(0.35) - right * input.pan_px.x) * metres_per_px;
    let stride = camera.distance * 0.7 * time.delta_secs().min(0.1);
    camera.target += pan + (right * input.keys.x + forward * input.keys.y) * stride;
    camera.distance *= (1.0 - input.keys.z * 0.9 * time.delta_secs().min(0.1)).clamp(0.5, 2.0);
    if input.zoom != 0.0 {
        let factor = 0.86_f32.powf(input.zoom.clamp(-6.0, 6.0));
        let before = camera.distance;
        camera.distance = (before * factor).clamp(MIN_DISTANCE_M, MAX_DISTANCE_M);
        if let Some(at) = input.zoom_at {
            let share = 1.0 - camera.distance / before;
            let shift = (at - camera.target) * share;
            camera.target += shift.clamp_length_max(before);
        }
    }
    camera.limit();
}

fn start_flights(
    mut requests: MessageReader<FlyRequest>,
    mut commands: Commands,
    mut cameras: Query<(Entity, &ViewCamera, &mut OrbitCamera)>,
    pack: Option<Res<PackInfo>>,
    community: Option<Res<Community>>,
    instant: Res<InstantFlights>,
) {
    for request in requests.read() {
        let Some((entity, _, mut camera)) = cameras.iter_mut().find(|(_, view, _)| view.index == 0) else { continue };
        let to = match request {
            FlyRequest::Home => pack.as_ref().map(|p| OrbitCamera::from_pose(&p.manifest.home)),
            FlyRequest::Pose(pose) => Some(OrbitCamera::from_pose(pose)),
            FlyRequest::Entity(id) => community.as_ref().and_then(|c| c.0.get(*id)).map(|e| view_of(e, &camera)),
        };
        let Some(mut to) = to else { continue };
        to.limit();
        if instant.0 {
            *camera = to;
            continue;
        }
        let far = camera.target.distance(to.target) / (camera.distance + to.distance).max(1.0);
        commands.entity(entity).insert(Flight { from: *camera, to, at_s: 0.0, of_s: 0.7 + far.min(2.0) * 0.5 });
    }
}

/// A view from which a thing is seen well, from about the present side.
fn view_of(thing: &Thing, now: &OrbitCamera) -> OrbitCamera {
    let size = thing.footprint.as_ref().map_or(0.0, |f| f.area_m2().max(0.0).sqrt()) as f32;
    let target = scene_from_enu(thing.p_enu);
    let distance = match thing.kind {
        EntityKind::Device | EntityKind::Camera | EntityKind::Component | EntityKind::Manhole => 55.0,
        EntityKind::Room | EntityKind::Household | EntityKind::Door | EntityKind::Stair => 32.0,
        EntityKind::Storey | EntityKind::Unit => 70.0,
        _ => (size * 2.2 + thing.height_m as f32 * 1.8).clamp(60.0, 1500.0),
    };
    let middle = if thing.footprint.is_some() { thing.base_z_m as f32 + thing.height_m as f32 * 0.5 } else { target.y };
    let pitch = if now.pitch < 0.25 { 0.45 } else { now.pitch.clamp(0.3, 0.85) };
    OrbitCamera {
        target: Vec3::new(target.x, middle.max(target.y.min(middle + 2.0)), target.z),
        distance,
        heading: now.heading,
        pitch,
    }
}

fn fly(mut commands: Commands, time: Res<Time>, mut cameras: Query<(Entity, &mut OrbitCamera, &mut Flight)>) {
    for (entity, mut camera, mut flight) in &mut cameras {
        flight.at_s += time.delta_secs();
        let t = (flight.at_s / flight.of_s).clamp(0.0, 1.0);
        let eased = t * t * (3.0 - 2.0 * t);
        *camera = flight.from.between(&flight.to, eased);
        if t >= 1.0 {
            commands.entity(entity).remove::<Flight>();
        }
    }
}

/// Least height of the eye above the ground, m.
const CLEARANCE_M: f64 = 2.0;

pub(crate) fn apply(ground: Res<Ground>, mut cameras: Query<(&mut OrbitCamera, &mut Transform)>) {
    for (mut camera, mut transform) in &mut cameras {
        let [x, y, z] = enu_from_scene(camera.eye());
        if let Some(floor) = ground.z_at(x, y).map(|g| g + CLEARANCE_M)
            && z < floor
        {
            let raised = Vec3::new(x as f32, floor as f32, -y as f32);
            let up = OrbitCamera::looking(raised, camera.target);
            if up.pitch.is_finite() && up.pitch < MAX_PITCH {
                *camera = up;
            }
        }
        let wanted = camera.transform();
        if *transform != wanted && wanted.is_finite() {
            *transform = wanted;
        }
    }
}

fn home_at_start(pack: Res<PackInfo>, mut done: Local<bool>, mut cameras: Query<(&mut OrbitCamera, Has<KeepPose>)>) {
    if !std::mem::replace(&mut *done, true) {
        for (mut camera, keep) in &mut cameras {
            if !keep {
                *camera = OrbitCamera::from_pose(&pack.manifest.home);
                camera.limit();
            }
        }
    }
}

/// This camera has been given a pose: the home view of the pack does not replace it.
#[derive(Component, Debug, Default)]
pub struct KeepPose;

pub(crate) fn register(app: &mut App) {
    app.init_resource::<OrbitInput>().init_resource::<InstantFlights>().add_systems(
        Update,
        (home_at_start.run_if(resource_exists::<PackInfo>), control, start_flights, fly, apply)
            .chain()
            .in_set(TwinSystems::Project),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pose_survives_the_angles() {
        let pose = CameraPose { eye_enu: [-300.0, -400.0, 260.0], target_enu: [20.0, 30.0, 10.0] };
        let back = OrbitCamera::from_pose(&pose).pose();
        for (a, b) in pose.eye_enu.iter().zip(back.eye_enu) {
            assert!((a - b).abs() < 0.01, "{pose:?} {back:?}");
        }
        let north = OrbitCamera::looking(Vec3::new(0.0, 10.0, 0.0), Vec3::new(0.0, 0.0, -50.0));
        assert!(north.heading.abs() < 1e-6 && north.pitch > 0.0);
    }

    #[test]
    fn a_turn_takes_the_short_way() {
        let a = OrbitCamera { heading: 3.0, ..default() };
        let b = OrbitCamera { heading: -3.0, ..default() };
        let middle = a.between(&b, 0.5).heading;
        assert!((middle - std::f32::consts::PI).abs() < 0.01, "{middle}");
    }
}
