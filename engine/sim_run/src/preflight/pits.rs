//! Pits without outlet: where water gathers and stays, in truth (underpasses) or by an error of the elevation model.
//!
//! The level to which each cell must fill before it drains to an open edge or into a river or pond is found by priority
//! flood (Barnes, Lehman and Mulla 2014, "Priority-flood: an optimal depression-filling and watershed-labeling algorithm").

use super::{Finding, FindingKind, Severity};
use crate::RunError;
use crate::domain::Domain;
use crate::sites::neighbours;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Shallower pits are noise of the elevation model, m.
const DEEP_M: f64 = 0.3;
/// At most this many pits are listed, largest first.
const LISTED: usize = 20;

/// An elevation that sorts.
#[derive(Clone, Copy, PartialEq)]
struct Level(f64);

impl Eq for Level {}

impl PartialOrd for Level {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Level {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// Depth to which each cell fills before it overflows towards an edge, a river or a pond, m; 0 for blocked cells. Cells that
/// buildings enclose have no way out: they fill without limit and count as courts, not as pits (0).
fn fill_m(domain: &Domain) -> Vec<f64> {
    let (bed, blocked) = (&domain.terrain.bed_m, &domain.terrain.blocked);
    let (nx, ny) = (domain.spec.nx, domain.spec.ny);
    let mut level = vec![f64::NAN; bed.len()];
    let mut queue = BinaryHeap::new();
    let water = domain.water_cells();
    for cell in 0..bed.len() as u32 {
        let (i, j) = (cell % nx, cell / nx);
        let edge = i == 0 || j == 0 || i + 1 == nx || j + 1 == ny;
        if (edge || water[cell as usize]) && !blocked[cell as usize] {
            level[cell as usize] = bed[cell as usize];
            queue.push(Reverse((Level(bed[cell as usize]), cell)));
        }
    }
    while let Some(Reverse((Level(here), cell))) = queue.pop() {
        for next in neighbours(domain, cell) {
            let k = next as usize;
            if !blocked[k] && level[k].is_nan() {
                level[k] = bed[k].max(here);
                queue.push(Reverse((Level(level[k]), next)));
            }
        }
    }
    level.iter().zip(bed).map(|(level, bed)| if level.is_nan() { 0.0 } else { level - bed }).collect()
}

pub(super) fn findings(domain: &Domain) -> Result<Vec<Finding>, RunError> {
    let fill = fill_m(domain);
    let mut seen = vec![false; fill.len()];
    let mut pits = Vec::new();
    for start in 0..fill.len() as u32 {
        if seen[start as usize] || fill[start as usize] <= 0.0 {
            continue;
        }
        let (mut todo, mut deepest, mut volume_m3) = (vec![start], start, 0.0);
        seen[start as usize] = true;
        while let Some(cell) = todo.pop() {
            volume_m3 += fill[cell as usize] * domain.terrain.grid.cell_area_m2();
            if fill[cell as usize] > fill[deepest as usize] {
                deepest = cell;
            }
            for next in neighbours(domain, cell).filter(|n| fill[*n as usize] > 0.0) {
                if !std::mem::replace(&mut seen[next as usize], true) {
                    todo.push(next);
                }
            }
        }
        if fill[deepest as usize] > DEEP_M {
            pits.push((volume_m3, deepest));
        }
    }
    pits.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    pits.into_iter()
        .take(LISTED)
        .map(|(volume_m3, cell)| finding(domain, volume_m3, cell, fill[cell as usize]))
        .collect()
}

fn finding(domain: &Domain, volume_m3: f64, cell: u32, depth_m: f64) -> Result<Finding, RunError> {
    let message = format!("a pit without outlet, {depth_m:.2} m deep, holds {volume_m3:.0} m3");
    let advice = "an underpass or basement ramp: expect ponding, add its drain or pump; else an error of the terrain: correct it";
    let severity = if depth_m > 1.0 { Severity::Warning } else { Severity::Note };
    Finding::new(FindingKind::Pit, severity, (depth_m, "m"), message, advice).at(domain, cell)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::domain_of;

    #[test]
    fn pits_are_measured_and_water_drains_them() {
        // A slope with a hole of 3 x 3 cells, 0.8 m deep below its lowest rim, and a shallow one.
        let mut domain = domain_of(20, 10, 2.0, |x, y| {
            let hole = |i: f64, j: f64| (x - (i + 0.5) * 2.0).abs() < 3.0 && (y - (j + 0.5) * 2.0).abs() < 3.0;
            if hole(10.0, 5.0) {
                9.0
            } else if hole(4.0, 5.0) {
                9.6
            } else {
                9.8
            }
        });
        let found = findings(&domain).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            (found[0].value - 0.8).abs() < 1e-9 && found[0].message.contains("holds 29 m3"),
            "{}",
            found[0].message
        );
        // With a pond in it, it is no pit.
        domain.ponds = vec![(5 * 20 + 10, 9.5)];
        assert!(findings(&domain).unwrap().is_empty());
    }

    #[test]
    fn a_court_without_a_gate_is_no_pit() {
        let mut domain = domain_of(9, 9, 2.0, |_, _| 5.0);
        for k in 2..7 {
            for c in [2 * 9 + k, 6 * 9 + k, k * 9 + 2, k * 9 + 6] {
                domain.terrain.blocked[c] = true;
            }
        }
        domain.terrain.bed_m[4 * 9 + 4] = 3.0;
        assert!(findings(&domain).unwrap().is_empty());
    }
}
