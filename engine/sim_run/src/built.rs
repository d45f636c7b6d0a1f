//! What a scenario builds: interventions as structures and changed ground on the grid of a run.

use crate::RunError;
use crate::domain::{Domain, mark_polygon, raster_point};
use geo_frame::Projector;
use sim_flood::{Barrel, Barrier, Culvert, FaceId, Gate, GroundEdit, Pump, Structures, Terrain, barrier_along};
use twin_model::{Breach, GridSpec, Intervention, Polygon};

/// Manning n of concrete pipes and culverts, s/m^(1/3) (Chow 1959, table 5-6).
const CONCRETE: f64 = 0.013;
/// Entrance, exit and friction-free losses of a plain culvert in velocity heads: 0.5 + 1 (Chow 1959, section 17-8).
const PLAIN_LOSSES: f64 = 1.5;
/// How far a pump or a culvert's end may be moved off a building, cells.
const REACH: isize = 6;

/// A scenario's interventions on a grid.
#[derive(Debug, Clone, Default)]
pub struct Built {
    /// Walls, gates, pumps, culverts.
    pub structures: Structures,
    /// Changed cells.
    pub ground: Vec<GroundEdit>,
}

/// Where interventions are put.
pub(crate) struct Site<'a> {
    pub projector: &'a Projector,
    pub spec: &'a GridSpec,
    pub terrain: &'a Terrain,
}

impl<'a> Site<'a> {
    pub(crate) fn of(domain: &'a Domain) -> Self {
        Self { projector: &domain.projector, spec: &domain.spec, terrain: &domain.terrain }
    }

    /// # Errors
    /// [`RunError::Frame`] when a point cannot be projected, [`RunError::Place`] for a pump or culvert outside the raster.
    pub(crate) fn build(&self, interventions: &[Intervention]) -> Result<Built, RunError> {
        let mut built = Built::default();
        for change in interventions {
            match change {
                Intervention::Barrier(b) => self.barrier(b, &mut built.structures.barriers)?,
                Intervention::Gate(g) => self.gate(g, &mut built.structures.gates)?,
                Intervention::Pump(p) => built.structures.pumps.push(self.pump(p)?),
                Intervention::Culvert(c) => built.structures.culverts.push(self.culvert(c)?),
                Intervention::Ground(g) => self.ground(g, &mut built.ground)?,
            }
        }
        Ok(built)
    }

    fn line(&self, line_enu: &[[f64; 2]]) -> Result<Vec<[f64; 2]>, RunError> {
        line_enu.iter().map(|p| raster_point(self.projector, self.spec, [p[0], p[1], 0.0])).collect()
    }

    fn barrier(&self, b: &twin_model::Barrier, out: &mut Vec<Barrier>) -> Result<(), RunError> {
        let line = self.line(&b.line_enu)?;
        let length: f64 = line.windows(2).map(|p| distance(p[0], p[1])).sum();
        let mut done = 0.0;
        for pair in line.windows(2) {
            let part = distance(pair[0], pair[1]);
            // One crest per stretch of a few cells, so that a wall up a slope keeps its height above the ground.
            for (a, c) in stretches(pair[0], pair[1], 8.0 * self.spec.dx_m) {
                let ground = self.ground_along(a, c);
                let whole = ground + b.height_m;
                let Some(breach) = b.breach else {
                    out.push(barrier_along(&self.terrain.grid, &[a, c], whole));
                    continue;
                };
                let from = done + distance(pair[0], a);
                out.extend(self.breached(&breach, length, (a, from), (c, done + distance(pair[0], c)), ground, whole));
            }
            done += part;
        }
        Ok(())
    }

    /// A stretch with the part that gives way, ends given as (point, distance along the line).
    fn breached(
        &self,
        breach: &Breach,
        length: f64,
        (a, from): ([f64; 2], f64),
        (c, to): ([f64; 2], f64),
        ground: f64,
        whole: f64,
    ) -> Vec<Barrier> {
        let middle = breach.at_share * length;
        let gap = (middle - 0.5 * breach.width_m, middle + 0.5 * breach.width_m);
        let at = |s: f64| {
            let t = if to > from { ((s - from) / (to - from)).clamp(0.0, 1.0) } else { 0.0 };
            [a[0] + t * (c[0] - a[0]), a[1] + t * (c[1] - a[1])]
        };
        let (open, shut) = (at(gap.0), at(gap.1));
        let wall = |line: &[[f64; 2]]| barrier_along(&self.terrain.grid, line, whole);
        let mut weak = wall(&[open, shut]);
        weak.crest_series =
            vec![(0.0, whole), (breach.from_s.max(1e-3), whole), (breach.from_s.max(1e-3) + breach.duration_s, ground)];
        let mut sound = [wall(&[a, open]), wall(&[shut, c])];
        // A face that both parts snap to belongs to the breach.
        sound.iter_mut().for_each(|s| s.faces.retain(|f| !weak.faces.contains(f)));
        sound.into_iter().chain([weak]).filter(|b| !b.faces.is_empty()).collect()
    }

    fn gate(&self, g: &twin_model::Gate, out: &mut Vec<Gate>) -> Result<(), RunError> {
        let line = self.line(&g.line_enu)?;
        let faces: Vec<FaceId> = barrier_along(&self.terrain.grid, &line, 0.0).faces;
        if faces.is_empty() {
            return Ok(());
        }
        let ground = |pick: fn(f64, f64) -> f64, start: f64| {
            line.windows(2).flat_map(|p| self.beds(p[0], p[1])).fold(start, pick)
        };
        let (lowest, highest) = (ground(f64::min, f64::INFINITY), ground(f64::max, f64::NEG_INFINITY));
        let sill_m = if lowest.is_finite() { lowest } else { self.lowest() } + g.sill_m;
        let top_m = (if highest.is_finite() { highest } else { self.lowest() } + g.height_m).max(sill_m);
        out.push(Gate { faces, sill_m, top_m, opening_m: g.opening_m.clone(), ..Gate::default() });
        Ok(())
    }

    fn pump(&self, p: &twin_model::Pump) -> Result<Pump, RunError> {
        let from = self.open_cell(&p.name, p.from_enu)?;
        let to = p.to_enu.map(|to| self.open_cell(&p.name, to)).transpose()?.filter(|to| *to != from);
        let bed = self.terrain.bed_m[from as usize];
        let (start_m, stop_m) = (bed + p.start_depth_m, bed + p.stop_depth_m);
        Ok(Pump { from, to, capacity_m3ps: p.capacity_m3ps, start_m, stop_m })
    }

    fn culvert(&self, c: &twin_model::Culvert) -> Result<Culvert, RunError> {
        let ends = [self.open_cell(&c.name, c.from_enu)?, self.open_cell(&c.name, c.to_enu)?];
        let places = ends.map(|cell| self.terrain.grid.centre_m(cell));
        let length_m = distance(places[0], places[1]);
        if length_m <= 0.0 {
            let what = format!("culvert {:?} has both ends in one cell of {} m", c.name, self.spec.dx_m);
            return Err(RunError::Place { what, east_m: c.from_enu[0], north_m: c.from_enu[1] });
        }
        let barrel = match c.height_m {
            Some(height_m) => Barrel::Box { width_m: c.width_m, height_m },
            None => Barrel::Pipe { diameter_m: c.width_m.min(20.0) },
        };
        Ok(Culvert {
            ends,
            invert_m: ends.map(|cell| self.terrain.bed_m[cell as usize] - c.below_ground_m),
            barrel,
            barrels: 1,
            length_m,
            manning: CONCRETE,
            losses: PLAIN_LOSSES,
            open_share: c.open_share,
        })
    }

    fn ground(&self, g: &twin_model::GroundChange, out: &mut Vec<GroundEdit>) -> Result<(), RunError> {
        let area = Polygon(vec![g.area_enu.clone()]);
        let bed = |cell: usize| g.raise_m.map(|by| self.terrain.bed_m[cell] + by);
        mark_polygon(self.projector, self.spec, &area, 0.0, |cell| {
            out.push(GroundEdit { cell: cell as u32, bed_m: bed(cell), manning: g.manning, blocked: g.building });
        })
    }

    /// The cell at a point, or the nearest open one around it.
    fn open_cell(&self, name: &str, p_enu: [f64; 2]) -> Result<u32, RunError> {
        let at = raster_point(self.projector, self.spec, [p_enu[0], p_enu[1], 0.0])?;
        let grid = self.terrain.grid;
        let outside = |what: String| RunError::Place { what, east_m: p_enu[0], north_m: p_enu[1] };
        let cell = grid.cell_at(at).ok_or_else(|| outside(format!("{name:?} lies outside the raster")))?;
        let (i, j) = ((cell as usize % grid.nx) as isize, (cell as usize / grid.nx) as isize);
        let mut best: Option<(isize, u32)> = None;
        for (dj, di) in (-REACH..=REACH).flat_map(|dj| (-REACH..=REACH).map(move |di| (dj, di))) {
            let (Ok(x), Ok(y)) = (usize::try_from(i + di), usize::try_from(j + dj)) else { continue };
            let open = grid.cell(x, y).filter(|c| !self.terrain.blocked[*c as usize]);
            let far = di * di + dj * dj;
            if let Some(c) = open.filter(|_| best.is_none_or(|(d, _)| far < d)) {
                best = Some((far, c));
            }
        }
        best.map(|(_, c)| c).ok_or_else(|| outside(format!("{name:?} stands inside a building")))
    }

    fn lowest(&self) -> f64 {
        self.terrain.bed_m.iter().copied().fold(f64::INFINITY, f64::min)
    }

    /// Highest ground under a stretch; the terrain's minimum when it lies outside.
    fn ground_along(&self, a: [f64; 2], b: [f64; 2]) -> f64 {
        let highest = self.beds(a, b).into_iter().fold(f64::NEG_INFINITY, f64::max);
        if highest.is_finite() { highest } else { self.lowest() }
    }

    /// Ground under a stretch, sampled every half cell.
    fn beds(&self, a: [f64; 2], b: [f64; 2]) -> Vec<f64> {
        let grid = self.terrain.grid;
        let steps = (distance(a, b) / (grid.dx_m * 0.5)).ceil().max(1.0) as usize;
        let bed = |k: usize| {
            let t = k as f64 / steps as f64;
            let cell = grid.cell_at([a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])])?;
            self.terrain.bed_m.get(cell as usize).copied()
        };
        (0..=steps).filter_map(bed).collect()
    }
}

fn distance(a: [f64; 2], b: [f64; 2]) -> f64 {
    (b[0] - a[0]).hypot(b[1] - a[1])
}

fn stretches(a: [f64; 2], b: [f64; 2], length_m: f64) -> Vec<([f64; 2], [f64; 2])> {
    let n = (distance(a, b) / length_m).ceil().max(1.0) as usize;
    let at = |k: usize| {
        let t = k as f64 / n as f64;
        [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])]
    };
    (0..n).map(|k| (at(k), at(k + 1))).collect()
}

/// Adds what was built later.
pub(crate) fn extend(all: &mut Structures, more: Structures) {
    all.barriers.extend(more.barriers);
    all.gates.extend(more.gates);
    all.culverts.extend(more.culverts);
    all.pumps.extend(more.pumps);
    all.outlets.extend(more.outlets);
}

/// The same structures for a kernel whose time was `by_s` at second 0 of the scenario.
pub(crate) fn delayed(mut structures: Structures, by_s: f64) -> Structures {
    let series = structures.barriers.iter_mut().map(|b| &mut b.crest_series);
    let series = series.chain(structures.gates.iter_mut().map(|g| &mut g.opening_m));
    series.flatten().for_each(|p| p.0 += by_s);
    structures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::domain_of;

    fn domain() -> Domain {
        domain_of(40, 20, 2.0, |x, _| 10.0 + 0.01 * x)
    }

    #[test]
    fn a_breach_takes_the_middle_out_of_a_wall() {
        let domain = domain();
        let breach = Breach { at_share: 0.5, width_m: 8.0, from_s: 600.0, duration_s: 60.0 };
        let wall = twin_model::Barrier {
            name: "堤".into(),
            line_enu: vec![[0.0, -20.0], [0.0, 20.0]],
            height_m: 1.0,
            breach: Some(breach),
        };
        let built = Site::of(&domain).build(&[Intervention::Barrier(wall)]).unwrap();
        let (weak, sound): (Vec<_>, Vec<_>) =
            built.structures.barriers.iter().partition(|b| !b.crest_series.is_empty());
        let faces = |list: &[&Barrier]| list.iter().map(|b| b.faces.len()).sum::<usize>();
        assert_eq!((faces(&weak), faces(&sound)), (4, 16));
        assert!(weak.iter().all(|b| b.crest_series.last().is_some_and(|p| p.0 == 660.0 && p.1 < 10.6)));
        built.structures.validate(&domain.terrain.grid).unwrap();
        let later = delayed(built.structures, 100.0);
        assert!(later.barriers.iter().all(|b| b.crest_series.last().is_none_or(|p| p.0 == 760.0)));
    }

    #[test]
    fn pumps_culverts_gates_and_ground_find_their_cells() {
        let mut domain = domain();
        domain.terrain.blocked[10 * 40 + 20] = true;
        let pump = twin_model::Pump {
            name: "泵车".into(),
            from_enu: [1.0, 1.0],
            to_enu: None,
            capacity_m3ps: 0.5,
            start_depth_m: 0.3,
            stop_depth_m: 0.1,
        };
        let culvert = twin_model::Culvert {
            name: String::new(),
            from_enu: [-20.0, 0.0],
            to_enu: [20.0, 0.0],
            width_m: 1.0,
            height_m: None,
            below_ground_m: 1.0,
            open_share: 1.0,
        };
        let gate = twin_model::Gate {
            name: String::new(),
            line_enu: vec![[-30.0, -10.0], [-30.0, 10.0]],
            height_m: 2.0,
            sill_m: 0.0,
            opening_m: vec![(0.0, 0.5)],
        };
        let ground = twin_model::GroundChange {
            name: String::new(),
            area_enu: vec![[10.0, -10.0], [20.0, -10.0], [20.0, 0.0], [10.0, 0.0]],
            raise_m: Some(-1.0),
            manning: None,
            building: None,
        };
        let all = [
            Intervention::Pump(pump.clone()),
            Intervention::Culvert(culvert),
            Intervention::Gate(gate),
            Intervention::Ground(ground),
        ];
        let built = Site::of(&domain).build(&all).unwrap();
        built.structures.validate(&domain.terrain.grid).unwrap();
        let p = &built.structures.pumps[0];
        assert!(!domain.terrain.blocked[p.from as usize]);
        assert!((p.start_m - domain.terrain.bed_m[p.from as usize] - 0.3).abs() < 1e-12);
        assert_eq!(built.structures.culverts[0].length_m, 40.0);
        assert_eq!(built.structures.gates[0].faces.len(), 10);
        assert_eq!(built.ground.len(), 25);
        assert!(built.ground.iter().all(|e| e.bed_m.is_some_and(|z| z < 10.0)));
        let far = Intervention::Pump(twin_model::Pump { from_enu: [999.0, 0.0], ..pump });
        let error = Site::of(&domain).build(&[far]).unwrap_err().to_string();
        assert_eq!(error, "\"泵车\" lies outside the raster (999, 0 m east and north of the origin)");
    }
}
