//! Roads by segment: who can pass, and until when.

use crate::RunError;
use crate::domain::Domain;
use crate::hazard::{PassLimits, Traveller};
use twin_model::{CommunityModel, Entity, EntityId, EntityKind};

/// Longest segment of a road, m.
const SEGMENT_M: f64 = 50.0;

/// A piece of a road's axis. Stations on bridges (over a watercourse or pond) and under buildings are left out.
#[derive(Debug, Clone, PartialEq)]
pub struct RoadSegment {
    /// The road.
    pub road: EntityId,
    /// Number along the road, from 0.
    pub index: u32,
    /// First point, ENU metres.
    pub from_enu: [f64; 2],
    /// Last point, ENU metres.
    pub to_enu: [f64; 2],
    /// Length, m.
    pub length_m: f64,
    /// Cells along the axis.
    pub stations: Vec<u32>,
}

/// When a traveller could not pass a segment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cut {
    /// First sample at which it is cut, s.
    pub from_s: Option<f64>,
    /// First sample after the last cut one; `None` while it is cut at the end, or never was.
    pub open_again_s: Option<f64>,
    /// Time cut in all, s, at sample resolution.
    pub cut_s: f64,
}

/// The cells under a road's axis, one by one; empty without a line.
pub(crate) fn axis_cells(domain: &Domain, road: &Entity) -> Result<Vec<u32>, RunError> {
    let mut cells = Vec::new();
    for pair in road.line.windows(2) {
        cells.extend(stations(domain, pair[0], pair[1], road.base_z_m)?);
    }
    Ok(cells)
}

/// Cells at every cell length along a piece of axis, both ends included, those off the raster left out.
fn stations(domain: &Domain, from: [f64; 2], to: [f64; 2], z_m: f64) -> Result<Vec<u32>, RunError> {
    let a = domain.raster_from_enu([from[0], from[1], z_m])?;
    let b = domain.raster_from_enu([to[0], to[1], z_m])?;
    let n = (distance(a, b) / domain.spec.dx_m).ceil().max(1.0) as usize;
    let at = |k: usize| {
        let t = k as f64 / n as f64;
        [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
    };
    let mut cells: Vec<u32> = (0..=n).filter_map(|k| domain.terrain.grid.cell_at(at(k))).collect();
    cells.dedup();
    Ok(cells)
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    ((b[0] - a[0]).powi(2) + (b[1] - a[1]).powi(2)).sqrt()
}

/// All roads of a community cut into segments of at most 50 m, by road and along it.
///
/// # Errors
/// [`RunError::Frame`] when a place cannot be projected.
pub fn segments(model: &CommunityModel, domain: &Domain) -> Result<Vec<RoadSegment>, RunError> {
    let water = domain.water_cells();
    let mut found = Vec::new();
    for road in model.of_kind(EntityKind::Road) {
        let mut index = 0;
        for pair in road.line.windows(2) {
            let length = distance(pair[0], pair[1]);
            let pieces = (length / SEGMENT_M).ceil().max(1.0) as u32;
            let at = |k: u32| {
                let t = f64::from(k) / f64::from(pieces);
                [pair[0][0] + t * (pair[1][0] - pair[0][0]), pair[0][1] + t * (pair[1][1] - pair[0][1])]
            };
            for k in 0..pieces {
                let (from_enu, to_enu) = (at(k), at(k + 1));
                let mut stations = stations(domain, from_enu, to_enu, road.base_z_m)?;
                stations.retain(|&c| !domain.terrain.blocked[c as usize] && !water[c as usize]);
                let length_m = length / f64::from(pieces);
                found.push(RoadSegment { road: road.id, index, from_enu, to_enu, length_m, stations });
                index += 1;
            }
        }
    }
    Ok(found)
}

/// Watches the segments of a community during a run.
#[derive(Debug, Clone)]
pub struct RoadWatch {
    /// The segments.
    pub segments: Vec<RoadSegment>,
    /// For each segment, what each [`Traveller`] met.
    pub cuts: Vec<[Cut; 3]>,
    limits: PassLimits,
    /// For each segment and station: which travellers were stopped there at some time, as bits.
    stopped: Vec<Vec<u8>>,
    last_s: Option<f64>,
    cut_now: Vec<[bool; 3]>,
}

impl RoadWatch {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(segments: Vec<RoadSegment>, limits: PassLimits) -> Self {
        let stopped = segments.iter().map(|s| vec![0; s.stations.len()]).collect();
        let n = segments.len();
        Self {
            segments,
            cuts: vec![[Cut::default(); 3]; n],
            limits,
            stopped,
            last_s: None,
            cut_now: vec![[false; 3]; n],
        }
    }

    /// Takes in depth (m) and speed (m/s) of every cell at `t_s`.
    pub fn sample(&mut self, t_s: f64, depth_m: &[f32], speed_mps: &[f32]) {
        let dt_s = self.last_s.map_or(0.0, |last| (t_s - last).max(0.0));
        for (k, segment) in self.segments.iter().enumerate() {
            let mut cut = [false; 3];
            for (&cell, stopped) in segment.stations.iter().zip(&mut self.stopped[k]) {
                let (depth, speed) = (f64::from(depth_m[cell as usize]), f64::from(speed_mps[cell as usize]));
                for (who, traveller) in Traveller::ALL.into_iter().enumerate() {
                    if depth > f64::from(crate::tracks::FILM_M)
                        && !self.limits.of(traveller).hold(depth, speed, depth * speed)
                    {
                        cut[who] = true;
                        *stopped |= 1 << who;
                    }
                }
            }
            for who in 0..3 {
                self.cuts[k][who].take(t_s, dt_s, self.cut_now[k][who], cut[who]);
            }
            self.cut_now[k] = cut;
        }
        self.last_s = Some(t_s);
    }

    /// Length of a segment, m, that each traveller could not pass at some time: its share of stations.
    #[must_use]
    pub fn cut_length_m(&self, segment: usize) -> [f64; 3] {
        let (Some(stopped), Some(s)) = (self.stopped.get(segment), self.segments.get(segment)) else { return [0.0; 3] };
        let share = |who: usize| stopped.iter().filter(|bits| *bits & (1 << who) != 0).count() as f64;
        [0, 1, 2].map(|who| share(who) / stopped.len().max(1) as f64 * s.length_m)
    }
}

impl Cut {
    fn take(&mut self, t_s: f64, dt_s: f64, was_cut: bool, is_cut: bool) {
        if was_cut {
            self.cut_s += dt_s;
        }
        match (was_cut, is_cut) {
            (_, true) => {
                self.from_s.get_or_insert(t_s);
                self.open_again_s = None;
            }
            (true, false) => self.open_again_s = Some(t_s),
            (false, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> RoadWatch {
        let segment = RoadSegment {
            road: EntityId(0),
            index: 0,
            from_enu: [0.0, 0.0],
            to_enu: [40.0, 0.0],
            length_m: 40.0,
            stations: vec![0, 1, 2, 3],
        };
        RoadWatch::new(vec![segment], PassLimits::default())
    }

    #[test]
    fn a_segment_is_cut_by_its_worst_station_and_opens_again() {
        let mut watch = watch();
        let still = [0.0; 4];
        watch.sample(0.0, &[0.0; 4], &still);
        watch.sample(60.0, &[0.1, 0.35, 0.0, 0.0], &still);
        watch.sample(120.0, &[0.1, 0.55, 0.35, 0.0], &still);
        watch.sample(180.0, &[0.1, 0.2, 0.1, 0.0], &still);
        watch.sample(240.0, &[0.0; 4], &still);
        let [pedestrian, car, engine] = watch.cuts[0];
        assert_eq!(car, Cut { from_s: Some(60.0), open_again_s: Some(180.0), cut_s: 120.0 });
        assert_eq!(engine, Cut { from_s: Some(120.0), open_again_s: Some(180.0), cut_s: 60.0 });
        assert_eq!(pedestrian, engine);
        assert_eq!(watch.cut_length_m(0), [10.0, 20.0, 10.0]);
    }

    #[test]
    fn fast_shallow_water_stops_people_before_depth_does() {
        let mut watch = watch();
        watch.sample(0.0, &[0.25, 0.0, 0.0, 0.0], &[1.8, 9.0, 0.0, 0.0]);
        let cut: Vec<bool> = watch.cuts[0].iter().map(|c| c.from_s.is_some()).collect();
        assert_eq!(cut, [true, true, false]);
        assert_eq!(watch.cuts[0][0].open_again_s, None);
    }
}
