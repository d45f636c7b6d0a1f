//! The kernel: unchanging ground and walls, and the step.

use sim_core::{Checksum, Kernel, StepReport};

use crate::band::{BandSums, Bands, Pass, row_flags};
use crate::plan::FloodForcing;
use crate::rows::{NO_CREST, Step, WALL, max};
use crate::state::{FloodState, Layout, PAD};
use crate::tile::{Fields, Tile, track_row, wet};
use crate::{Barrier, FaceAxis, FloodError, FloodParams, Initial, Order, Terrain};

/// Ground, roughness, buildings and walls of a run, prepared for stepping.
#[derive(Debug, Clone)]
pub struct FloodKernel {
    layout: Layout,
    datum_m: f64,
    bed: Vec<f64>,
    n2: Vec<f64>,
    blocked: Vec<bool>,
    crest_w: Vec<f64>,
    crest_s: Vec<f64>,
    open_edges: bool,
    /// Per tile: a crest on or near it.
    walled: Vec<bool>,
    rough: bool,
    digest: u64,
    arch: pulp::Arch,
}

impl FloodKernel {
    /// Prepares ground and walls.
    ///
    /// # Errors
    /// [`FloodError`] when the terrain or a barrier is invalid.
    pub fn new(terrain: &Terrain, barriers: &[Barrier], open_edges: bool) -> Result<Self, FloodError> {
        terrain.validate()?;
        let layout = Layout::new(terrain.grid);
        let lowest = terrain.bed_m.iter().fold(f64::INFINITY, |m, z| m.min(*z));
        let datum_m = lowest.floor();
        let bed: Vec<f64> = terrain.bed_m.iter().map(|z| z - datum_m).collect();
        let mut padded = layout.pad(&bed, 0.0);
        fill_halo(&layout, &mut padded);
        let n2: Vec<f64> = terrain.manning.iter().map(|n| n * n).collect();
        let mut c = Checksum::new();
        c.add_f64s(&terrain.bed_m);
        c.add_f64s(&terrain.manning);
        terrain.blocked.iter().for_each(|b| c.add_u64(u64::from(*b)));
        let mut kernel = Self {
            layout,
            datum_m,
            bed: padded,
            rough: n2.iter().any(|n| *n > 0.0),
            n2: layout.pad(&n2, 0.0),
            blocked: terrain.blocked.clone(),
            crest_w: Vec::new(),
            crest_s: Vec::new(),
            open_edges,
            walled: Vec::new(),
            digest: c.finish(),
            arch: pulp::Arch::new(),
        };
        kernel.set_barriers(barriers)?;
        Ok(kernel)
    }

    /// Replaces all barriers. Between two steps this moves no water: the volume does not change.
    ///
    /// # Errors
    /// [`FloodError`] when a barrier is invalid; the old barriers stay.
    pub fn set_barriers(&mut self, barriers: &[Barrier]) -> Result<(), FloodError> {
        let grid = self.layout.grid;
        barriers.iter().try_for_each(|b| b.validate(&grid))?;
        let stride = self.layout.stride;
        let mut w = vec![NO_CREST; self.layout.len()];
        let mut s = vec![NO_CREST; self.layout.len()];
        for b in barriers {
            for f in &b.faces {
                let at = (f.j as usize + PAD) * stride + f.i as usize + PAD;
                let crest = if f.axis == FaceAxis::X { &mut w[at] } else { &mut s[at] };
                *crest = max(*crest, b.crest_m - self.datum_m);
            }
        }
        for cell in (0..grid.cell_count()).filter(|c| self.blocked[*c]) {
            let at = self.layout.padded(cell);
            (w[at], w[at + 1], s[at], s[at + stride]) = (WALL, WALL, WALL, WALL);
        }
        if !self.open_edges {
            for j in PAD..PAD + grid.ny {
                (w[j * stride + PAD], w[j * stride + PAD + grid.nx]) = (WALL, WALL);
            }
            s[PAD * stride..(PAD + 1) * stride].fill(WALL);
            s[(PAD + grid.ny) * stride..(PAD + grid.ny + 1) * stride].fill(WALL);
        }
        self.walled = self.tiles().map(|t| near_crest(&self.layout, &t, &w, &s)).collect();
        (self.crest_w, self.crest_s) = (w, s);
        Ok(())
    }

    pub(crate) const fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) fn blocked(&self) -> &[bool] {
        &self.blocked
    }

    /// Elevation the kernel counts from, metres above the terrain's datum (lowest ground, rounded down).
    #[must_use]
    pub const fn datum_m(&self) -> f64 {
        self.datum_m
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    fn tiles(&self) -> impl Iterator<Item = Tile> {
        let l = self.layout;
        (0..l.tiles_y).flat_map(move |ty| (0..l.tiles_x).map(move |tx| Tile::new(&l, tx, ty)))
    }

    /// The state at time 0: the initial water with imposed levels already standing.
    ///
    /// # Errors
    /// [`FloodError`] when `initial` does not fit the grid.
    pub fn initial_state(
        &self,
        params: &FloodParams,
        forcing: &FloodForcing,
        initial: &Initial,
    ) -> Result<FloodState, FloodError> {
        let grid = self.layout.grid;
        initial.validate(&grid)?;
        let n = grid.cell_count();
        let full = |v: &Vec<f64>| if v.is_empty() { vec![0.0; n] } else { v.clone() };
        let (mut h, mut u, mut v) =
            (full(&initial.depth_m), full(&initial.velocity_x_mps), full(&initial.velocity_y_mps));
        let levels = forcing.levels(self, 0.0);
        for s in forcing.stages.iter().flatten() {
            h[s.cell] = max(0.0, levels[s.series] - self.bed[s.at]);
        }
        let mut speed = 0.0;
        for k in 0..n {
            if self.blocked[k] {
                h[k] = 0.0;
            }
            if h[k] <= params.dry_depth_m {
                (u[k], v[k]) = (0.0, 0.0);
            }
            speed = max(speed, max(u[k].abs(), v[k].abs()) + (params.gravity_mps2 * h[k]).sqrt());
        }
        let mut state = FloodState::new(self.layout, self.digest, &h, &u, &v);
        state.speed_mps = speed;
        let mut wet_flags = Vec::with_capacity(state.wet.len());
        for t in self.tiles() {
            let (mut flags, nx) = (0, grid.nx);
            for j in t.r0 - PAD..t.r1 - PAD {
                let at = j * nx + t.c0 - PAD..j * nx + t.c1 - PAD;
                let (md, mh, fw) = (&mut state.max_depth_m, &mut state.max_hazard_m2ps, &mut state.first_wet_s);
                let row = &h[at.clone()];
                let any = track_row(
                    row.len(),
                    0.0,
                    params.dry_depth_m,
                    params.wet_depth_m,
                    row,
                    &u[at.clone()],
                    &v[at.clone()],
                    &mut md[at.clone()],
                    &mut mh[at.clone()],
                    &mut fw[at],
                );
                flags |= row_flags(any, row, params.dry_depth_m, j + PAD == t.r0, j + PAD + 1 == t.r1);
            }
            wet_flags.push(flags);
        }
        state.wet = wet_flags;
        state.ledger.initial_m3 = state.volume_m3();
        state.ledger.current_m3 = state.ledger.initial_m3;
        Ok(state)
    }

    /// The step the CFL condition allows, seconds: for the waves there are, and for the column a discharge would raise
    /// on dry ground within the step.
    #[must_use]
    pub fn stable_dt_s(&self, params: &FloodParams, forcing: &FloodForcing, state: &FloodState) -> f64 {
        let reach = params.cfl * self.layout.grid.dx_m;
        let dt = reach / state.speed_mps;
        let dt = if dt >= params.max_dt_s { params.max_dt_s } else { dt };
        let rise = params.gravity_mps2 * forcing.fastest_rise_mps(self, state.t_s, params.max_dt_s);
        // sqrt(g rise dt) dt <= reach.
        let column = if rise > 0.0 { (reach * reach / rise).cbrt() } else { dt };
        if dt > column { column } else { dt }
    }

    /// Advances by at most `cap_s` seconds; returns the report and the number of cells computed.
    pub(crate) fn step_capped(
        &self,
        params: &FloodParams,
        forcing: &FloodForcing,
        state: &mut FloodState,
        cap_s: f64,
    ) -> (StepReport, u64) {
        let dt = self.stable_dt_s(params, forcing, state).min(cap_s);
        let t1_s = state.t_s + dt;
        let now = forcing.at_step(self, state.t_s, t1_s);
        if self.open_edges {
            for field in [&mut state.h, &mut state.u, &mut state.v] {
                fill_halo(&self.layout, field);
            }
        }
        let active: Vec<bool> = self.active(&state.wet, forcing);
        let k = Step {
            g: params.gravity_mps2,
            dt,
            lam: dt / self.layout.grid.dx_m,
            dry: params.dry_depth_m,
            thin: 5.0 * params.dry_depth_m,
            theta: params.limiter_theta,
            half_slope: if params.order == Order::Second { 0.5 } else { 0.0 },
        };
        let fields = Fields {
            layout: self.layout,
            h: &state.h,
            u: &state.u,
            v: &state.v,
            bed: &self.bed,
            n2: &self.n2,
            crest_w: &self.crest_w,
            crest_s: &self.crest_s,
        };
        let pass = Pass {
            fields,
            forcing,
            now: &now,
            active: &active,
            k,
            t1_s,
            wet_depth: params.wet_depth_m,
            walled: &self.walled,
            rough: self.rough,
            arch: self.arch,
        };
        let (stride, grid) = (self.layout.stride, self.layout.grid);
        let inner = PAD * stride..(PAD + grid.ny) * stride;
        let bands = Bands {
            stride,
            nx: grid.nx,
            tiles_x: self.layout.tiles_x,
            h: &mut state.h1[inner.clone()],
            u: &mut state.u1[inner.clone()],
            v: &mut state.v1[inner],
            max_depth: &mut state.max_depth_m,
            max_hazard: &mut state.max_hazard_m2ps,
            first_wet: &mut state.first_wet_s,
            wet: &mut state.wet,
            settled: &mut state.settled,
        };
        let sums = bands.run(|ty, band| pass.step_band(ty, band));
        let mut total = BandSums::default();
        sums.iter().for_each(|s| total.add(s));
        let area = grid.cell_area_m2();
        let l = &mut state.ledger;
        l.rain_in_m3 += now.rain_m3;
        l.residue_m3 += total.tiles.lost * area;
        l.edge_in_m3 += total.tiles.edge_in * dt * grid.dx_m;
        l.edge_out_m3 += total.tiles.edge_out * dt * grid.dx_m;
        l.stage_in_m3 += total.stage_in * area;
        l.stage_out_m3 += total.stage_out * area;
        l.point_in_m3 += total.point_in * area;
        l.point_out_m3 += total.point_out * area;
        std::mem::swap(&mut state.h, &mut state.h1);
        std::mem::swap(&mut state.u, &mut state.u1);
        std::mem::swap(&mut state.v, &mut state.v1);
        state.speed_mps = total.tiles.speed;
        state.t_s = t1_s;
        state.tick += 1;
        (StepReport { tick: state.tick, t_s: t1_s, dt_s: dt }, total.stepped)
    }

    /// Tiles to compute: with water that moves, next to such water, or with a source.
    fn active(&self, flags: &[u8], forcing: &FloodForcing) -> Vec<bool> {
        let (tx, ty) = (self.layout.tiles_x, self.layout.tiles_y);
        let has = |t: usize, part: u8| flags[t] & part != 0;
        (0..tx * ty)
            .map(|t| {
                let (i, j) = (t % tx, t / tx);
                has(t, wet::ANY)
                    || forcing.has_source(t)
                    || (i > 0 && has(t - 1, wet::EAST))
                    || (i + 1 < tx && has(t + 1, wet::WEST))
                    || (j > 0 && has(t - tx, wet::NORTH))
                    || (j + 1 < ty && has(t + tx, wet::SOUTH))
            })
            .collect()
    }
}

impl Kernel for FloodKernel {
    type Params = FloodParams;
    type Forcing = FloodForcing;
    type State = FloodState;

    fn step(&self, params: &FloodParams, forcing: &FloodForcing, state: &mut FloodState) -> StepReport {
        self.step_capped(params, forcing, state, params.max_dt_s).0
    }
}

/// Copies the outermost cells into the halo (zero gradient).
fn fill_halo(layout: &Layout, field: &mut [f64]) {
    let (s, nx, ny) = (layout.stride, layout.grid.nx, layout.grid.ny);
    for j in PAD..PAD + ny {
        let row = &mut field[j * s..(j + 1) * s];
        let (west, east) = (row[PAD], row[PAD + nx - 1]);
        row[..PAD].fill(west);
        row[PAD + nx..].fill(east);
    }
    for j in 0..PAD {
        field.copy_within(PAD * s..(PAD + 1) * s, j * s);
        field.copy_within((PAD + ny - 1) * s..(PAD + ny) * s, (PAD + ny + j) * s);
    }
}

fn near_crest(layout: &Layout, t: &Tile, w: &[f64], s: &[f64]) -> bool {
    let (c0, c1) = (t.c0 - 2, (t.c1 + 3).min(layout.stride));
    (t.r0 - 2..(t.r1 + 3).min(layout.rows)).any(|j| {
        let at = j * layout.stride + c0..j * layout.stride + c1;
        w[at.clone()].iter().chain(&s[at]).any(|c| *c > NO_CREST)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Forcing, Grid, RainSeries, barrier_along};
    use sim_core::Snapshot;

    /// 130 x 70 cells: three by three tiles, the last of each row and column narrow.
    fn lively(arch: Option<pulp::Arch>, open_edges: bool) -> (FloodKernel, FloodForcing, FloodState) {
        let grid = Grid { nx: 130, ny: 70, dx_m: 2.0 };
        let mut terrain = Terrain::from_fn(grid, 0.03, |x, y| 5.0 + 0.5 * (0.1 * x).sin() * (0.13 * y).cos());
        (3000..3010).for_each(|k| terrain.blocked[k] = true);
        let wall = barrier_along(&grid, &[[100.0, 0.0], [140.0, 140.0]], 6.0);
        let mut kernel = FloodKernel::new(&terrain, &[wall], open_edges).unwrap();
        kernel.arch = arch.unwrap_or(kernel.arch);
        let rain = RainSeries { series: vec![(0.0, 60.0)], cells: None };
        let forcing = FloodForcing::new(&kernel, Forcing { rain: vec![rain], ..Forcing::default() }).unwrap();
        let depth_m = (0..grid.cell_count()).map(|k| if k % 130 < 40 { 2.0 } else { 0.0 }).collect();
        let initial = Initial { depth_m, ..Initial::default() };
        let state = kernel.initial_state(&FloodParams::default(), &forcing, &initial).unwrap();
        (kernel, forcing, state)
    }

    fn run(arch: Option<pulp::Arch>) -> u64 {
        let (kernel, forcing, mut state) = lively(arch, false);
        for _ in 0..120 {
            kernel.step(&FloodParams::default(), &forcing, &mut state);
        }
        state.checksum()
    }

    #[test]
    fn plain_and_vector_instructions_give_the_same_bits() {
        let plain = run(Some(pulp::Arch::Scalar));
        assert_eq!(run(None), plain);
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = pulp::x86::V3::try_new() {
            assert_eq!(run(Some(pulp::Arch::V3(avx2))), plain);
        }
    }

    /// Skipping dry tiles must change nothing: the same run with every tile forced active.
    #[test]
    fn skipping_dry_tiles_changes_nothing() {
        let (kernel, _, mut lazy) = lively(None, true);
        let none = FloodForcing::new(&kernel, Forcing::default()).unwrap();
        let mut eager = lazy.clone();
        let (mut skipped, cells) = (0, kernel.layout.grid.cell_count() as u64);
        for _ in 0..150 {
            let (a, done) = kernel.step_capped(&FloodParams::default(), &none, &mut lazy, 1.0);
            eager.wet.fill(u8::MAX);
            let (b, all) = kernel.step_capped(&FloodParams::default(), &none, &mut eager, 1.0);
            assert_eq!((a, all), (b, cells));
            skipped += cells - done;
            assert_eq!(lazy.checksum(), eager.checksum());
        }
        assert!(skipped > 0, "nothing was skipped: the test shows nothing");
    }

    #[test]
    fn rain_classes_and_ledger_agree_with_the_water() {
        let (kernel, forcing, mut state) = lively(None, false);
        for _ in 0..50 {
            kernel.step(&FloodParams::default(), &forcing, &mut state);
        }
        let l = state.ledger;
        let there = state.volume_m3() - l.initial_m3;
        assert!(l.rain_in_m3 > 0.0);
        assert!((there - l.rain_in_m3).abs() <= 1e-12 * l.initial_m3, "{there} {}", l.rain_in_m3);
    }
}
