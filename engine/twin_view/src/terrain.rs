//! Heights of the ground, for draping lines and for keeping the camera above it.

use crate::space::PlaneMap;
use bevy::prelude::*;
use bevy::tasks::{AsyncComputeTaskPool, Task, block_on, poll_once};
use community_pack::{Terrain, read_terrain};
use twin_bevy::{Fetches, Notices, Now, PackInfo, Ticket, TwinSystems};

/// The elevation raster of the pack, sampled in ENU.
#[derive(Resource, Default)]
pub struct Ground {
    raster: Option<(Terrain, PlaneMap)>,
    /// Counts up when the heights arrive, so that draped things can be built again.
    pub version: u64,
}

impl Ground {
    /// ENU z of the ground; `None` outside the raster or before it has arrived.
    #[must_use]
    pub fn z_at(&self, x: f64, y: f64) -> Option<f64> {
        let (terrain, map) = self.raster.as_ref()?;
        let plane = map.plane_from_enu(x, y);
        terrain.sample(plane.x, plane.y).map(|h| map.z_from_height(x, y, h))
    }

    /// True once heights are there.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.raster.is_some()
    }

    /// Where a ray (ENU, unit direction) meets the ground within `reach_m`, by steps and bisection.
    #[must_use]
    pub fn cast(&self, origin: [f64; 3], direction: [f64; 3], reach_m: f64) -> Option<f64> {
        let above = |t: f64| {
            let p: [f64; 3] = std::array::from_fn(|i| origin[i] + direction[i] * t);
            self.z_at(p[0], p[1]).map(|z| p[2] - z)
        };
        let mut before: Option<f64> = None;
        let mut t = 0.0;
        while t < reach_m {
            let clearance = above(t);
            if let (Some(t0), Some(c)) = (before, clearance)
                && c <= 0.0
            {
                return Some(bisect(t0, t, |t| above(t).is_some_and(|c| c <= 0.0)));
            }
            before = clearance.filter(|c| *c > 0.0).map(|_| t);
            t += clearance.map_or(8.0, |c| (c.abs() * 0.5).clamp(1.0, 20.0));
        }
        None
    }
}

fn bisect(mut lo: f64, mut hi: f64, below: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..24 {
        let mid = (lo + hi) / 2.0;
        if below(mid) {
            hi = mid;
        } else {
            lo = mid;
        }
    }
    hi
}

#[derive(Resource, Default)]
enum Loading {
    #[default]
    Idle,
    Fetching(Ticket),
    Decoding(Task<Result<(Terrain, PlaneMap), String>>),
    Over,
}

fn load(
    mut loading: ResMut<Loading>,
    mut ground: ResMut<Ground>,
    mut fetches: ResMut<Fetches>,
    mut notices: ResMut<Notices>,
    pack: Res<PackInfo>,
    now: Res<Now>,
) {
    let Some(terrain) = &pack.manifest.terrain else { return };
    let next = match &mut *loading {
        Loading::Idle => Loading::Fetching(fetches.fetch(&terrain.path)),
        Loading::Fetching(ticket) => match fetches.take(*ticket) {
            None => return,
            Some(Err(error)) => {
                notices.push(error, true, now.viewer);
                Loading::Over
            }
            Some(Ok(bytes)) => {
                let (epsg, frame) = (terrain.epsg, pack.frame);
                Loading::Decoding(AsyncComputeTaskPool::get().spawn(async move {
                    let terrain = read_terrain(&bytes).map_err(|e| e.to_string())?;
                    let map = PlaneMap::new(epsg, &frame).map_err(|e| e.to_string())?;
                    Ok((terrain, map))
                }))
            }
        },
        Loading::Decoding(task) => match block_on(poll_once(task)) {
            None => return,
            Some(Err(error)) => {
                notices.push(error, true, now.viewer);
                Loading::Over
            }
            Some(Ok(raster)) => {
                ground.raster = Some(raster);
                ground.version += 1;
                Loading::Over
            }
        },
        Loading::Over => return,
    };
    *loading = next;
}

pub(crate) fn register(app: &mut App) {
    app.init_resource::<Ground>()
        .init_resource::<Loading>()
        .add_systems(Update, load.in_set(TwinSystems::Publish).run_if(resource_exists::<PackInfo>));
}
