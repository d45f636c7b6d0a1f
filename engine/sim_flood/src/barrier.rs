//! Thin walls on cell faces.

use serde::{Deserialize, Serialize};
use sim_core::ParamError;

use crate::forcing::check_series;
use crate::{FaceAxis, FaceId, FloodError, Grid};

/// A thin wall (sandbags, levee, kerb; 挡水墙): no water passes its faces until it stands above the crest.
///
/// Overflow: Q = Cd 2/3 sqrt(2 g) H^(3/2) per metre of crest, less where the tail water drowns it (Villemonte 1947, "Submerged-weir
/// discharge studies"); drowned beyond 90 to 95 %, or as deep as the wall is high, it goes over into the shallow-water flux.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Barrier {
    /// Faces it stands on.
    pub faces: Vec<FaceId>,
    /// Crest elevation, metres above the datum of the terrain.
    pub crest_m: f64,
    /// Crest over time (s, m), linear between and constant outside, as of a breach (溃口) or of sandbags being laid; replaces
    /// `crest_m` unless empty.
    pub crest_series: Vec<(f64, f64)>,
    /// Discharge coefficient Cd of the overflow, 0.1 to 1: 0.577 for a broad crest with critical flow, about 0.62 for a sharp one.
    pub discharge_coefficient: f64,
}

/// Cd of a broad crest: 1/sqrt(3), from critical flow over it.
pub(crate) const BROAD_CREST: f64 = 0.577_350_269_189_625_8;

impl Default for Barrier {
    fn default() -> Self {
        Self { faces: vec![], crest_m: 0.0, crest_series: vec![], discharge_coefficient: BROAD_CREST }
    }
}

impl Barrier {
    /// Checks faces and crest.
    ///
    /// # Errors
    /// [`FloodError`] for a crest outside -12 km to 9 km, a bad series or coefficient, or a face outside the grid.
    pub fn validate(&self, grid: &Grid) -> Result<(), FloodError> {
        sim_core::check_range("barrier crest_m", self.crest_m, "m", -12_000.0, 9_000.0)?;
        sim_core::check_range("barrier discharge_coefficient", self.discharge_coefficient, "-", 0.1, 1.0)?;
        if !self.crest_series.is_empty() {
            check_series("barrier crest_series", &self.crest_series, "m", -12_000.0, 9_000.0)?;
        }
        match self.faces.iter().find(|f| !f.is_in(grid)) {
            Some(f) => {
                let allowed = format!("faces of a {} x {} grid", grid.nx, grid.ny);
                Err(ParamError::new("barrier face", format!("{f:?}"), "-", allowed).into())
            }
            None => Ok(()),
        }
    }
}

/// Rasterises a polyline (raster frame, metres) to a connected chain of faces without a gap, diagonals included.
///
/// Vertices snap to the nearest cell corner and each segment becomes a staircase of corner-to-corner faces, so the
/// wall lies within one cell of the drawn line. Parts outside the grid are cut off; a segment with a non-finite vertex
/// is left out. A line that snaps to a single corner gives no face.
#[must_use]
pub fn barrier_along(grid: &Grid, polyline_m: &[[f64; 2]], crest_m: f64) -> Barrier {
    let mut faces = Vec::new();
    for pair in polyline_m.windows(2) {
        if let Some((a, b)) = clip(grid, pair[0], pair[1]) {
            staircase(grid, corner(grid, a), corner(grid, b), &mut faces);
        }
    }
    faces.sort_unstable();
    faces.dedup();
    Barrier { faces, crest_m, ..Barrier::default() }
}

fn corner(grid: &Grid, p_m: [f64; 2]) -> [i64; 2] {
    let snap = |x: f64, n: usize| ((x / grid.dx_m).round() as i64).clamp(0, n as i64);
    [snap(p_m[0], grid.nx), snap(p_m[1], grid.ny)]
}

/// Liang and Barsky 1984: the part of a segment inside the raster.
fn clip(grid: &Grid, a: [f64; 2], b: [f64; 2]) -> Option<([f64; 2], [f64; 2])> {
    if a.iter().chain(&b).any(|v| !v.is_finite()) {
        return None;
    }
    let size = [grid.nx as f64 * grid.dx_m, grid.ny as f64 * grid.dx_m];
    let (mut t0, mut t1) = (0.0_f64, 1.0_f64);
    for k in 0..2 {
        let d = b[k] - a[k];
        for (p, q) in [(-d, a[k]), (d, size[k] - a[k])] {
            if p == 0.0 {
                if q < 0.0 {
                    return None;
                }
            } else if p < 0.0 {
                t0 = t0.max(q / p);
            } else {
                t1 = t1.min(q / p);
            }
        }
    }
    let at = |t: f64| [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
    (t0 <= t1).then(|| (at(t0), at(t1)))
}

/// Walks from corner to corner one face at a time, always along the axis that stays closer to the straight line.
fn staircase(grid: &Grid, from: [i64; 2], to: [i64; 2], faces: &mut Vec<FaceId>) {
    let step = [(to[0] - from[0]).signum(), (to[1] - from[1]).signum()];
    let total = [(to[0] - from[0]).abs(), (to[1] - from[1]).abs()];
    let (mut at, mut done) = (from, [0_i64; 2]);
    while at != to {
        // Compare (done_x + 1/2) / total_x with (done_y + 1/2) / total_y without dividing.
        let x_next =
            done[1] >= total[1] || (done[0] < total[0] && (2 * done[0] + 1) * total[1] <= (2 * done[1] + 1) * total[0]);
        let k = usize::from(!x_next);
        let low = at[k].min(at[k] + step[k]);
        let face = if x_next {
            FaceId { axis: FaceAxis::Y, i: low as u32, j: at[1] as u32 }
        } else {
            FaceId { axis: FaceAxis::X, i: at[0] as u32, j: low as u32 }
        };
        if face.is_in(grid) {
            faces.push(face);
        }
        at[k] += step[k];
        done[k] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Cells reachable from a seed without crossing the wall.
    fn reach(grid: &Grid, wall: &Barrier, seed: (usize, usize)) -> BTreeSet<(usize, usize)> {
        let blocked: BTreeSet<_> = wall.faces.iter().copied().collect();
        let mut seen = BTreeSet::from([seed]);
        let mut todo = vec![seed];
        while let Some((i, j)) = todo.pop() {
            let (iu, ju) = (i as u32, j as u32);
            let mut go = |ni: usize, nj: usize, f: FaceId| {
                if ni < grid.nx && nj < grid.ny && !blocked.contains(&f) && seen.insert((ni, nj)) {
                    todo.push((ni, nj));
                }
            };
            go(i + 1, j, FaceId { axis: FaceAxis::X, i: iu + 1, j: ju });
            go(i.wrapping_sub(1), j, FaceId { axis: FaceAxis::X, i: iu, j: ju });
            go(i, j + 1, FaceId { axis: FaceAxis::Y, i: iu, j: ju + 1 });
            go(i, j.wrapping_sub(1), FaceId { axis: FaceAxis::Y, i: iu, j: ju });
        }
        seen
    }

    #[test]
    fn diagonal_across_the_grid_splits_it() {
        let grid = Grid { nx: 37, ny: 23, dx_m: 2.0 };
        for line in [
            vec![[-9.0, -5.0], [90.0, 60.0]],
            vec![[0.0, 46.0], [40.0, 20.0], [74.0, 0.0]],
            vec![[31.0, -1.0], [29.0, 99.0]],
        ] {
            let wall = barrier_along(&grid, &line, 1.0);
            assert!(wall.faces.iter().all(|f| f.is_in(&grid)));
            let a = reach(&grid, &wall, (0, 12)).len();
            assert!(a < grid.cell_count(), "{line:?} leaks");
        }
    }

    #[test]
    fn closed_ring_holds() {
        let grid = Grid { nx: 40, ny: 40, dx_m: 1.0 };
        let ring: Vec<[f64; 2]> = (0..=24)
            .map(|k| {
                let a = f64::from(k) * std::f64::consts::TAU / 24.0;
                [20.0 + 11.3 * a.cos(), 20.0 + 11.3 * a.sin()]
            })
            .collect();
        let wall = barrier_along(&grid, &ring, 1.0);
        assert!(!reach(&grid, &wall, (20, 20)).contains(&(0, 0)));
    }

    #[test]
    fn odd_input_gives_no_panic() {
        let grid = Grid { nx: 4, ny: 4, dx_m: 1.0 };
        for line in [vec![], vec![[1.0, 1.0]], vec![[f64::NAN, 0.0], [1.0, 1.0]], vec![[1e300, 0.0], [1e308, 5.0]]] {
            assert!(barrier_along(&grid, &line, 1.0).faces.is_empty());
        }
        assert_eq!(barrier_along(&grid, &[[-1e9, 2.0], [1e9, 2.0]], 1.0).faces.len(), 4);
    }
}
