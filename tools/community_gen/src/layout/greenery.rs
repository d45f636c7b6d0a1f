//! Trees everywhere, and cars on the streets.

use std::collections::BTreeMap;

use super::Draft;
use crate::geom::{Pt, add, area, bounds, contains, dist, dist_line, dist_ring, mul, stations};
use crate::plan::{AreaKind, Car, LaneKind, SIZE_M, Tree};
use crate::terrain::{BANK_TO_CREST_M, BANK_TO_ROAD_M, Terrain, bank_at};

/// Species and their crown radius and height, metres.
const STREET: [(&str, f64, f64); 3] = [("香樟", 3.4, 9.0), ("悬铃木", 3.9, 11.5), ("银杏", 2.4, 9.5)];
const GARDEN: [(&str, f64, f64); 10] = [
    ("桂花", 1.9, 4.5),
    ("香樟", 3.2, 8.0),
    ("广玉兰", 2.6, 7.5),
    ("桂花", 1.7, 4.0),
    ("香樟", 3.0, 7.5),
    ("石楠", 1.4, 3.0),
    ("杜英", 2.4, 7.0),
    ("桂花", 2.0, 4.8),
    ("红枫", 1.6, 3.6),
    ("樱花", 2.2, 5.0),
];
const WATER: [(&str, f64, f64); 2] = [("垂柳", 3.1, 7.5), ("水杉", 1.9, 13.0)];

struct Planter<'a> {
    draft: &'a mut Draft,
    cells: BTreeMap<(i32, i32), Vec<usize>>,
}

/// Plants everything.
pub fn plant(draft: &mut Draft, terrain: &Terrain) {
    let mut planter = Planter { draft, cells: BTreeMap::new() };
    planter.streets();
    planter.lots();
    planter.belts();
    planter.riverside(terrain);
    drive(draft);
}

impl Planter<'_> {
    fn near(&self, at: Pt, gap: f64) -> bool {
        let (cx, cy) = ((at[0] / 8.0) as i32, (at[1] / 8.0) as i32);
        (cx - 1..=cx + 1).any(|x| {
            (cy - 1..=cy + 1).any(|y| {
                let here = self.cells.get(&(x, y));
                here.is_some_and(|v| v.iter().any(|&i| dist(self.draft.trees[i].at, at) < gap))
            })
        })
    }

    fn blocked(&self, at: Pt, crown: f64) -> bool {
        let d = &self.draft;
        let inside = (3.0..SIZE_M[0] - 3.0).contains(&at[0]) && (3.0..SIZE_M[1] - 3.0).contains(&at[1]);
        !inside
            || d.buildings.iter().any(|b| {
                let (low, high) = bounds(&b.ring);
                let m = crown * 0.75 + 0.8;
                at[0] > low[0] - m
                    && at[0] < high[0] + m
                    && at[1] > low[1] - m
                    && at[1] < high[1] + m
                    && (contains(&b.ring, at) || dist_ring(at, &b.ring) < m)
            })
            || d.lanes.iter().any(|l| dist_line(at, &l.line) < l.width_m * 0.5 + 0.7)
            || d.streets.iter().any(|s| dist_line(at, &s.line) < s.carriage_m * 0.5 + 0.9)
            || d.ramps.iter().any(|(a, b)| dist_line(at, &[*a, *b]) < 5.0)
            || d.areas.iter().any(|a| {
                let hard = matches!(
                    a.kind,
                    AreaKind::Pond
                        | AreaKind::Parking
                        | AreaKind::Court
                        | AreaKind::Track
                        | AreaKind::Field
                        | AreaKind::Playground
                );
                let open_plaza = a.kind == AreaKind::Plaza && dist_ring(at, &a.ring) > 5.0;
                (hard || open_plaza) && contains(&a.ring, at)
            })
    }

    fn tree(&mut self, at: Pt, kind: (&'static str, f64, f64)) {
        let size = self.draft.rng.range(0.75, 1.2);
        let crown_m = kind.1 * size;
        if self.near(at, crown_m * 1.35) || self.blocked(at, crown_m) {
            return;
        }
        let index = self.draft.trees.len();
        self.cells.entry(((at[0] / 8.0) as i32, (at[1] / 8.0) as i32)).or_default().push(index);
        let tint = self.draft.rng.int(0, 9999);
        self.draft.trees.push(Tree { at, species: kind.0, crown_m, height_m: kind.2 * size, tint });
    }

    fn streets(&mut self) {
        let sides: Vec<(Vec<(Pt, Pt)>, usize)> = self
            .draft
            .streets
            .iter()
            .enumerate()
            .flat_map(|(k, s)| {
                let off = s.carriage_m * 0.5 + 2.0;
                [(stations(&s.line, 5.0, 8.0, off), k), (stations(&s.line, 9.0, 8.0, -off), k)]
            })
            .collect();
        for (points, street) in sides {
            for (at, _) in points {
                if !self.draft.rng.chance(0.07) {
                    self.tree(at, STREET[street % STREET.len()]);
                }
            }
        }
        // the avenue has a planted strip on each side of its carriageway
        let avenue: Vec<Pt> = self.draft.streets[2].line.clone();
        for side in [-1.0, 1.0] {
            for (at, _) in stations(&avenue, 7.0, 10.0, 17.5 * side) {
                self.tree(at, GARDEN[1]);
            }
        }
    }

    fn lots(&mut self) {
        for lot in 0..self.draft.lots.len() {
            let ring = self.draft.lots[lot].ring.clone();
            let park = self.draft.lots[lot].kind == crate::plan::LotKind::Park;
            let paved = matches!(
                self.draft.lots[lot].kind,
                crate::plan::LotKind::Commerce | crate::plan::LotKind::OldTown | crate::plan::LotKind::Services
            );
            // a hedge row of trees inside the boundary
            let mut wall = ring.clone();
            wall.push(ring[0]);
            for (at, _) in stations(&wall, 3.0, 6.5, 2.6) {
                let kind = *self.draft.rng.pick(&GARDEN);
                self.tree(at, kind);
            }
            let tries = (area(&ring)
                / if park {
                    36.0
                } else if paved {
                    190.0
                } else {
                    62.0
                }) as u32;
            let (low, high) = bounds(&ring);
            for _ in 0..tries {
                let at = [self.draft.rng.range(low[0], high[0]), self.draft.rng.range(low[1], high[1])];
                let kind = if park && self.draft.rng.chance(0.3) {
                    *self.draft.rng.pick(&WATER)
                } else {
                    *self.draft.rng.pick(&GARDEN)
                };
                // groves: trees prefer the places where slow noise is high
                let grove = crate::rng::smooth(at[0] / 22.0, at[1] / 22.0, self.draft.seed + 40);
                if contains(&ring, at) && grove > self.draft.rng.range(0.1, 0.75) {
                    self.tree(at, kind);
                }
            }
        }
    }

    /// Belts of trees in the planted strips outside the streets.
    fn belts(&mut self) {
        let rings: Vec<Vec<Pt>> = self
            .draft
            .areas
            .iter()
            .filter(|a| a.lot.is_none() && a.kind == AreaKind::Garden)
            .map(|a| a.ring.clone())
            .collect();
        for ring in rings {
            let (low, high) = bounds(&ring);
            for _ in 0..(area(&ring) / 16.0) as u32 {
                let at = [self.draft.rng.range(low[0], high[0]), self.draft.rng.range(low[1], high[1])];
                let kind = if self.draft.rng.chance(0.4) { WATER[1] } else { *self.draft.rng.pick(&GARDEN) };
                self.tree(at, kind);
            }
        }
        for _ in 0..260 {
            let at = [self.draft.rng.range(0.0, SIZE_M[0]), self.draft.rng.range(982.0, SIZE_M[1])];
            let kind = *self.draft.rng.pick(&GARDEN);
            self.tree(at, kind);
        }
    }

    fn riverside(&mut self, terrain: &Terrain) {
        for _ in 0..900 {
            let x = self.draft.rng.range(4.0, SIZE_M[0] - 4.0);
            let from_bank = self.draft.rng.range(4.0, BANK_TO_ROAD_M - 10.0);
            if (from_bank - BANK_TO_CREST_M).abs() < 11.0 {
                continue;
            }
            let at = [x, bank_at(x) + from_bank];
            let kind = if from_bank < BANK_TO_CREST_M {
                WATER[self.draft.rng.int(0, 1) as usize]
            } else {
                *self.draft.rng.pick(&GARDEN)
            };
            let keep = if from_bank < BANK_TO_CREST_M { 0.35 } else { 0.55 };
            if terrain.at(at) > 16.9 && self.draft.rng.chance(keep) {
                self.tree(at, kind);
            }
        }
        for (at, _) in stations(&super::riverside::parallel(9.0), 6.0, 9.0, 0.0) {
            self.tree(at, WATER[0]);
        }
    }
}

/// Cars on the streets and along the internal roads.
fn drive(draft: &mut Draft) {
    let mut cars = Vec::new();
    for street in &draft.streets {
        let lanes = (street.carriage_m / 2.0 / 3.4).floor().max(1.0) as u32;
        for lane in 0..lanes {
            for side in [-1.0, 1.0] {
                let offset = side * (1.8 + 3.4 * f64::from(lane));
                let mut s = draft.rng.range(5.0, 50.0);
                let total = crate::geom::length(&street.line);
                while s < total {
                    let (p, d) = crate::geom::along(&street.line, s);
                    let at = add(p, mul(crate::geom::left(d), offset));
                    let bus = draft.rng.chance(0.05);
                    let size = if bus { [11.0, 2.5] } else { [draft.rng.range(4.2, 4.9), 1.85] };
                    cars.push(Car { at, axis: d, size, tint: draft.rng.int(0, 999) });
                    s += draft.rng.range(18.0, 95.0);
                }
            }
        }
    }
    for lane in draft.lanes.iter().filter(|l| l.kind == LaneKind::Internal && l.width_m < 6.5 && l.lot.is_some()) {
        for (at, d) in stations(&lane.line, 9.0, 6.2, lane.width_m * 0.5 - 1.0) {
            if draft.rng.chance(0.22) {
                cars.push(Car { at, axis: d, size: [4.5, 1.8], tint: draft.rng.int(0, 999) });
            }
        }
    }
    cars.retain(|c| !draft.buildings.iter().any(|b| contains(&b.ring, c.at)));
    draft.cars.append(&mut cars);
}
