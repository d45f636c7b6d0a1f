//! Water that goes from cell to cell or out of the domain by a law of its own: culverts, pumps, outlets inside. Done after the cells of
//! a step, one after another: what one cell loses another gains, so the volume stays.

use crate::forcing::linear_at;
use crate::state::FloodStateOf;
use crate::structure::{Barrel, Culvert, Outlet, OutletLaw, Pump};
use crate::{FaceAxis, FaceId, FloodKernelOf, FloodParams, Grid, Real};

/// Takes a step's flow through all culverts, pumps and outlets.
pub(crate) fn apply<R: Real>(kernel: &FloodKernelOf<R>, params: &FloodParams, state: &mut FloodStateOf<R>, dt_s: f64) {
    let structures = kernel.structures();
    let links = Links { kernel, params, dt_s };
    for c in &structures.culverts {
        links.culvert(c, state);
    }
    state.pump_on.resize(structures.pumps.len(), false);
    for (k, p) in structures.pumps.iter().enumerate() {
        links.pump(k, p, state);
    }
    for o in &structures.outlets {
        links.outlet(o, state);
    }
}

struct Links<'a, R> {
    kernel: &'a FloodKernelOf<R>,
    params: &'a FloodParams,
    dt_s: f64,
}

impl<R: Real> Links<'_, R> {
    /// Level of a cell above the terrain's datum, metres.
    fn level(&self, state: &FloodStateOf<R>, cell: u32) -> f64 {
        self.kernel.datum_m() + self.kernel.bed_m(cell as usize) + state.depth_at_m(cell as usize)
    }

    fn is_wet(&self, state: &FloodStateOf<R>, cell: u32) -> bool {
        state.depth_at_m(cell as usize) > self.params.dry_depth_m
    }

    /// Free area of the emptiest of some cells, m2.
    fn area(&self, cells: &[u32]) -> f64 {
        self.kernel.layout().grid.cell_area_m2() * self.kernel.least_free(cells)
    }

    fn blocked(&self, cell: u32) -> bool {
        self.kernel.blocked()[cell as usize]
    }

    fn culvert(&self, c: &Culvert, state: &mut FloodStateOf<R>) {
        if c.ends.iter().any(|cell| self.blocked(*cell)) {
            return;
        }
        let levels = c.ends.map(|cell| self.level(state, cell));
        let (up, down) = if levels[0] >= levels[1] { (0, 1) } else { (1, 0) };
        if !self.is_wet(state, c.ends[up]) {
            return;
        }
        let q = culvert_discharge(c, self.params.gravity_mps2, up, levels);
        // Half of what would level both cells: the flow cannot turn within a step.
        let most = 0.5 * self.area(&c.ends) * (levels[up] - levels[down]);
        let taken = -state.shift(c.ends[up] as usize, -(q * self.dt_s).min(most), self.params);
        state.shift(c.ends[down] as usize, taken, self.params);
    }

    fn pump(&self, index: usize, p: &Pump, state: &mut FloodStateOf<R>) {
        let level = self.level(state, p.from);
        state.pump_on[index] = level > p.stop_m && (state.pump_on[index] || level >= p.start_m);
        let shut = self.blocked(p.from) || p.to.is_some_and(|cell| self.blocked(cell));
        if !state.pump_on[index] || shut {
            return;
        }
        let most = (level - p.stop_m) * self.area(&[p.from]);
        let wanted = (p.capacity_m3ps * self.dt_s).min(most);
        match p.to {
            Some(to) => {
                let taken = -state.shift(p.from as usize, -wanted, self.params);
                state.shift(to as usize, taken, self.params);
            }
            None => {
                state.exchange(p.from as usize, -wanted, self.params);
            }
        }
    }

    /// The cells of an outlet that do not lie at its edge; see [`edge_of`].
    fn outlet(&self, o: &Outlet, state: &mut FloodStateOf<R>) {
        let grid = self.kernel.layout().grid;
        let edge = edge_of(&grid, o);
        for (c, q) in o.cells.iter().zip(outlet_flows(self.kernel, o, |cell| state.depth_at_m(cell as usize))) {
            if !edge.is_some_and(|e| e.face(&grid, *c).is_some()) {
                state.ledger.edge_out_m3 -= state.shift(*c as usize, -(q * self.dt_s), self.params);
            }
        }
    }
}

/// Discharge out of each cell of an outlet, m3/s, by the depths of cells.
pub(crate) fn outlet_flows<R: Real>(kernel: &FloodKernelOf<R>, o: &Outlet, depth_m: impl Fn(u32) -> f64) -> Vec<f64> {
    let depth = |c: u32| if kernel.blocked()[c as usize] { 0.0 } else { depth_m(c).max(0.0) };
    let conveyance: Vec<f64> = o.cells.iter().map(|c| five_thirds(depth(*c))).collect();
    let share = match &o.law {
        OutletLaw::NormalDepth { slope } => {
            let width = kernel.layout().grid.dx_m * slope.sqrt();
            let per_cell = |(c, w): (&u32, &f64)| w * width / kernel.manning(*c as usize).max(LEAST_MANNING);
            return o.cells.iter().zip(&conveyance).map(per_cell).collect();
        }
        OutletLaw::Rating { points } => {
            let total: f64 = conveyance.iter().sum();
            let level = |c: u32| kernel.datum_m() + kernel.bed_m(c as usize) + depth(c);
            let weighted: f64 = o.cells.iter().zip(&conveyance).map(|(c, w)| w * level(*c)).sum();
            if total > 0.0 { linear_at(points, weighted / total) / total } else { 0.0 }
        }
    };
    conveyance.iter().map(|w| w * share).collect()
}

/// An edge of the raster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Edge {
    West,
    East,
    South,
    North,
}

impl Edge {
    /// The face of a cell on this edge, if it lies there.
    pub(crate) fn face(self, grid: &Grid, cell: u32) -> Option<FaceId> {
        let (i, j) = (cell as usize % grid.nx, cell as usize / grid.nx);
        let face = |axis, i: usize, j: usize| Some(FaceId { axis, i: i as u32, j: j as u32 });
        match self {
            Self::West if i == 0 => face(FaceAxis::X, 0, j),
            Self::East if i + 1 == grid.nx => face(FaceAxis::X, grid.nx, j),
            Self::South if j == 0 => face(FaceAxis::Y, i, 0),
            Self::North if j + 1 == grid.ny => face(FaceAxis::Y, i, grid.ny),
            _ => None,
        }
    }

    /// Sign of a flux that leaves over it.
    pub(crate) const fn outward(self) -> f64 {
        match self {
            Self::East | Self::North => 1.0,
            Self::West | Self::South => -1.0,
        }
    }
}

/// The edge that most cells of an outlet lie at.
pub(crate) fn edge_of(grid: &Grid, o: &Outlet) -> Option<Edge> {
    let at = |e: Edge| o.cells.iter().filter(|c| e.face(grid, **c).is_some()).count();
    let edges = [Edge::West, Edge::East, Edge::South, Edge::North];
    edges.into_iter().rev().max_by_key(|e| at(*e)).filter(|e| at(*e) > 0)
}

/// Manning n below which an outlet's ground counts as glass (Chow 1959, table 5-6).
pub(crate) const LEAST_MANNING: f64 = 0.009;

fn five_thirds(h: f64) -> f64 {
    let r = libm::cbrt(h);
    h * r * r
}

/// Discharge of all barrels, m3/s, from end `up` to the other; `levels` above the datum of the terrain, metres.
///
/// The smaller of inlet control (Boyd 1987, "Generalised head-discharge equations for culverts"; the coefficients are those of
/// ANUGA's Boyd culverts, SI units) and outlet control (energy with entrance, exit and Manning losses).
pub(crate) fn culvert_discharge(c: &Culvert, g: f64, up: usize, levels: [f64; 2]) -> f64 {
    let down = 1 - up;
    let head = levels[up] - c.invert_m[up];
    if head <= 0.0 || c.open_share <= 0.0 {
        return 0.0;
    }
    let inlet = match c.barrel {
        Barrel::Box { width_m: w, height_m: d } => {
            let free = 0.544 * g.sqrt() * w * head * head.sqrt();
            free.min(0.702 * g.sqrt() * w * libm::pow(d, 0.89) * libm::pow(head, 0.61))
        }
        Barrel::Pipe { diameter_m: d } => {
            let free = 0.421 * g.sqrt() * libm::pow(d, 0.87) * libm::pow(head, 1.63);
            free.min(0.530 * g.sqrt() * libm::pow(d, 1.87) * libm::pow(head, 0.63))
        }
    };
    let tail = levels[down] - c.invert_m[down];
    let section = Section::at(c.barrel, critical_depth(c.barrel, g, inlet).max(tail));
    let drop = levels[up] - levels[down].max(c.invert_m[down] + section.depth);
    if drop <= 0.0 {
        return 0.0;
    }
    let radius = section.area / section.perimeter;
    let friction = 2.0 * g * c.manning * c.manning * c.length_m / (radius * libm::cbrt(radius));
    let outlet = section.area * (2.0 * g * drop / (c.losses + friction)).sqrt();
    inlet.min(outlet) * f64::from(c.barrels) * c.open_share
}

/// Wetted part of a barrel.
struct Section {
    depth: f64,
    area: f64,
    perimeter: f64,
}

impl Section {
    /// At a depth; the full barrel above its crown.
    fn at(barrel: Barrel, depth_m: f64) -> Self {
        match barrel {
            Barrel::Box { width_m: w, height_m } => {
                let d = depth_m.min(height_m);
                let crown = if depth_m >= height_m { w } else { 0.0 };
                Self { depth: d, area: w * d, perimeter: w + 2.0 * d + crown }
            }
            Barrel::Pipe { diameter_m } => {
                let d = depth_m.min(diameter_m);
                let angle = 2.0 * libm::acos((1.0 - 2.0 * d / diameter_m).clamp(-1.0, 1.0));
                let area = diameter_m * diameter_m / 8.0 * (angle - libm::sin(angle));
                Self { depth: d, area, perimeter: 0.5 * diameter_m * angle }
            }
        }
    }
}

/// Critical depth of a discharge in a barrel, metres, at most its height. Pipes: Straub 1978, within 2 % of the exact one.
fn critical_depth(barrel: Barrel, g: f64, q: f64) -> f64 {
    match barrel {
        Barrel::Box { width_m: w, height_m } => libm::cbrt(q * q / (g * w * w)).min(height_m),
        Barrel::Pipe { diameter_m: d } => (1.01 / libm::pow(d, 0.26) * (q * q / g).sqrt().sqrt()).min(d),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe() -> Culvert {
        Culvert {
            ends: [0, 1],
            invert_m: [10.0, 9.9],
            barrel: Barrel::Pipe { diameter_m: 1.0 },
            barrels: 2,
            length_m: 20.0,
            manning: 0.013,
            losses: 1.5,
            open_share: 1.0,
        }
    }

    #[test]
    fn sections() {
        let half = Section::at(Barrel::Pipe { diameter_m: 2.0 }, 1.0);
        assert!(
            (half.area - std::f64::consts::FRAC_PI_2).abs() < 1e-12
                && (half.perimeter - std::f64::consts::PI).abs() < 1e-12
        );
        let full = Section::at(Barrel::Box { width_m: 2.0, height_m: 1.0 }, 3.0);
        assert_eq!((full.depth, full.area, full.perimeter), (1.0, 2.0, 6.0));
    }

    #[test]
    fn a_culvert_flows_downhill_and_more_under_more_head() {
        let c = pipe();
        let q = |a, b| culvert_discharge(&c, 9.81, usize::from(b > a), [a, b]);
        assert_eq!(q(10.0, 9.0), 0.0);
        let (low, high) = (q(10.5, 9.0), q(12.0, 9.0));
        // Steep, half full: inlet control, 2 x 0.421 sqrt(g) 0.5^1.63.
        let steep = Culvert { invert_m: [10.0, 8.0], ..pipe() };
        let inlet = culvert_discharge(&steep, 9.81, 0, [10.5, 7.0]);
        assert!(
            (inlet - 2.0 * 0.421 * 9.81_f64.sqrt() * 0.5_f64.powf(1.63)).abs() < 1e-9 && low < inlet,
            "{low} {inlet}"
        );
        assert!(high > 2.0 * low);
        assert!(q(12.0, 11.9) < high && q(12.0, 12.0) == 0.0);
        assert!(q(9.0, 12.0) > 0.0);
        let blocked = Culvert { open_share: 0.0, ..pipe() };
        assert_eq!(culvert_discharge(&blocked, 9.81, 0, [12.0, 9.0]), 0.0);
    }

    #[test]
    fn a_drowned_culvert_loses_what_the_energy_equation_says() {
        let c = Culvert { length_m: 100.0, barrels: 1, ..pipe() };
        let (g, drop): (f64, f64) = (9.81, 0.4);
        let q = culvert_discharge(&c, g, 0, [12.4, 12.0]);
        let v = q / (std::f64::consts::PI / 4.0);
        let loss = v * v / (2.0 * g) * (1.5 + 2.0 * g * 0.013_f64.powi(2) * 100.0 / 0.25_f64.powf(4.0 / 3.0));
        assert!((loss - drop).abs() < 1e-9, "{loss}");
    }
}
