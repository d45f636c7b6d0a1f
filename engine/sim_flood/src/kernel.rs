//! The kernel: unchanging ground and walls, and the step.

use std::sync::Arc;

use sim_core::{Checksum, Kernel, ParamError, StepReport};

use crate::faces::{Laws, crest_rasters, near_crests};
use crate::grid::GroundEdit;
use crate::links;
use crate::pass::{Pass, PassSums, Rasters, wet_flags};
use crate::plan::FloodForcing;
use crate::porous::Porous;
use crate::rain::nearest_open;
use crate::rows::{BUF, Step, TILE_W, WIDE, max};
use crate::soil::Law;
use crate::state::{FloodStateOf, Layout, PAD};
use crate::structure::Structures;
use crate::tile::{Fields, Tile, Whole, track, wet};
use crate::{FloodError, FloodParams, Initial, Real, Terrain, TimeStepping, local};

/// Extremes are tracked in every fourth step: the fastest wave crosses less than two cells in that time, and the tracks
/// would be a quarter of the memory traffic.
pub(crate) const TRACK_EVERY: u64 = 4;

/// What a step did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stepped {
    pub report: StepReport,
    /// Cells computed, summed over the steps of tiles.
    pub cells: u64,
    /// Shortest and longest step of a tile, seconds.
    pub shortest_s: f64,
    pub longest_s: f64,
}

/// [`FloodKernelOf`] in the precision of work.
pub type FloodKernel = FloodKernelOf<f32>;

/// Ground, roughness, buildings and walls of a run, prepared for stepping.
#[derive(Debug, Clone)]
pub struct FloodKernelOf<R> {
    layout: Layout,
    datum_m: f64,
    pub(crate) bed: Vec<R>,
    pub(crate) n2: Vec<R>,
    blocked: Vec<bool>,
    structures: Structures,
    pub(crate) laws: Laws,
    /// Crests on the west and south faces of the cells.
    pub(crate) crests: [Vec<R>; 2],
    pub(crate) open_edges: bool,
    porous: Option<Porous<R>>,
    /// Per tile: a crest on or near it.
    pub(crate) walled: Vec<bool>,
    pub(crate) rough: bool,
    digest: u64,
    pub(crate) arch: pulp::Arch,
}

impl<R: Real> FloodKernelOf<R> {
    /// Prepares ground and structures.
    ///
    /// # Errors
    /// [`FloodError`] when the terrain or a structure is invalid.
    pub fn new(terrain: &Terrain, structures: impl Into<Structures>, open_edges: bool) -> Result<Self, FloodError> {
        terrain.validate()?;
        let layout = Layout::new(terrain.grid);
        let lowest = terrain.bed_m.iter().fold(f64::INFINITY, |m, z| m.min(*z));
        let datum_m = lowest.floor();
        let bed: Vec<R> = terrain.bed_m.iter().map(|z| R::of(z - datum_m)).collect();
        let n2: Vec<R> = terrain.manning.iter().map(|n| R::of(n * n)).collect();
        let (bed, n2) = grounds(&layout, &bed, &n2);
        let mut c = Checksum::new();
        c.add_f64s(&terrain.bed_m);
        c.add_f64s(&terrain.manning);
        terrain.blocked.iter().for_each(|b| c.add_u64(u64::from(*b)));
        terrain.porosity.digest(&mut c);
        let mut kernel = Self {
            layout,
            datum_m,
            bed,
            rough: n2.iter().any(|n| *n > R::ZERO),
            n2,
            blocked: terrain.blocked.clone(),
            structures: Structures::default(),
            laws: Laws::default(),
            crests: [Vec::new(), Vec::new()],
            open_edges,
            porous: Porous::new(&terrain.porosity, &layout),
            walled: Vec::new(),
            digest: c.finish(),
            arch: pulp::Arch::new(),
        };
        kernel.set_structures(structures.into())?;
        Ok(kernel)
    }

    /// Replaces all structures. Between two steps this moves no water: the volume does not change.
    ///
    /// # Errors
    /// [`FloodError`] when a structure is invalid; the old ones stay.
    pub fn set_structures(&mut self, structures: Structures) -> Result<(), FloodError> {
        structures.validate(&self.layout.grid)?;
        self.laws = Laws::new(&structures, &self.layout, self.datum_m, &self.blocked, self.open_edges);
        self.crests = crest_rasters(&self.laws, &self.layout, &self.blocked, self.open_edges);
        self.walled = near_crests(&self.layout, &self.crests);
        self.structures = structures;
        Ok(())
    }

    /// Changes the ground of cells: an excavation, a fill, another surface, a building put up or pulled down. Depths stay where
    /// the bed moves. Water under a new building goes to the nearest open cells, so the volume stays; without any open cell
    /// left the edit is refused.
    ///
    /// # Errors
    /// [`FloodError`] naming the cell and the value; nothing has changed then.
    pub fn edit_ground(
        &mut self,
        edits: &[GroundEdit],
        state: &mut FloodStateOf<R>,
        params: &FloodParams,
    ) -> Result<(), FloodError> {
        let grid = self.layout.grid;
        edits.iter().try_for_each(|e| e.validate(&grid))?;
        let cells = 0..grid.cell_count();
        let mut bed: Vec<R> = cells.clone().map(|c| self.bed[self.ground_place(c)]).collect();
        let mut n2: Vec<R> = cells.map(|c| self.n2[self.ground_place(c)]).collect();
        let mut blocked = self.blocked.clone();
        let mut digest = Checksum::new();
        digest.add_u64(self.digest);
        for e in edits {
            let cell = e.cell as usize;
            digest.add_u64(u64::from(e.cell));
            if let Some(z) = e.bed_m {
                digest.add_f64(z);
                bed[cell] = R::of(z - self.datum_m);
            }
            if let Some(n) = e.manning {
                digest.add_f64(n);
                n2[cell] = R::of(n * n);
            }
            if let Some(b) = e.blocked {
                digest.add_u64(u64::from(b));
                blocked[cell] = b;
            }
        }
        if blocked.iter().all(|b| *b) {
            return Err(ParamError::new("ground edit", "all cells blocked", "-", "at least one open cell").into());
        }
        (self.bed, self.n2) = grounds(&self.layout, &bed, &n2);
        self.rough = n2.iter().any(|n| *n > R::ZERO);
        self.blocked = blocked;
        self.digest = digest.finish();
        state.model = self.digest;
        state.move_out_of(&nearest_open(&self.layout.grid, &self.blocked), params);
        self.set_structures(self.structures.clone())
    }

    /// The structures in force.
    #[must_use]
    pub const fn structures(&self) -> &Structures {
        &self.structures
    }

    /// Manning n of a cell, s/m^(1/3).
    pub(crate) fn manning(&self, cell: usize) -> f64 {
        self.n2[self.ground_place(cell)].to_f64().sqrt()
    }

    /// Bed of a cell relative to the datum, metres.
    pub(crate) fn bed_m(&self, cell: usize) -> f64 {
        self.bed[self.ground_place(cell)].to_f64()
    }

    /// Place of a cell in ground rasters.
    const fn ground_place(&self, cell: usize) -> usize {
        let (i, j) = (cell % self.layout.grid.nx, cell / self.layout.grid.nx);
        ((i / TILE_W) * self.layout.rows + PAD + j) * BUF + PAD + i % TILE_W
    }

    /// Bed relative to the datum (m) and Manning n squared of a cell.
    #[cfg(feature = "gpu")]
    pub(crate) fn ground_of(&self, cell: usize) -> [R; 2] {
        let at = self.ground_place(cell);
        [self.bed[at], self.n2[at]]
    }

    #[cfg(feature = "gpu")]
    pub(crate) const fn laws(&self) -> &Laws {
        &self.laws
    }

    #[cfg(feature = "gpu")]
    pub(crate) const fn open_edges(&self) -> bool {
        self.open_edges
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

    /// Free share of every cell; empty where all are free.
    pub(crate) fn free(&self) -> Arc<[f64]> {
        self.porous.as_ref().map(|p| p.free.clone()).unwrap_or_default()
    }

    /// Least free share of some cells.
    pub(crate) fn least_free(&self, cells: &[u32]) -> f64 {
        let free = |p: &Porous<R>| cells.iter().fold(1.0_f64, |m, c| m.min(p.free[*c as usize]));
        self.porous.as_ref().map_or(1.0, free)
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    pub(crate) fn tiles(&self) -> impl Iterator<Item = Tile> {
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
    ) -> Result<FloodStateOf<R>, FloodError> {
        let grid = self.layout.grid;
        initial.validate(&grid)?;
        let n = grid.cell_count();
        let full = |v: &[f64]| if v.is_empty() { vec![R::ZERO; n] } else { v.iter().map(|x| R::of(*x)).collect() };
        let (mut h, mut u, mut v) =
            (full(&initial.depth_m), full(&initial.velocity_x_mps), full(&initial.velocity_y_mps));
        let levels = forcing.levels(self, 0.0);
        for s in forcing.stages.iter().flatten() {
            h[s.cell] = R::of(max(0.0, levels[s.series] - s.bed_m));
        }
        let (dry, g) = (R::of(params.dry_depth_m), R::of(params.gravity_mps2));
        let mut speed = R::ZERO;
        for k in 0..n {
            if self.blocked[k] {
                h[k] = R::ZERO;
            }
            if h[k] <= dry {
                (u[k], v[k]) = (R::ZERO, R::ZERO);
            }
            speed = max(speed, max(u[k].abs(), v[k].abs()) + (g * h[k]).sqrt());
        }
        let mut state = FloodStateOf::new(self.layout, self.digest, &h, &u, &v);
        state.speed_mps = speed.to_f64();
        let (mut depth, mut hazard, mut first) = (vec![0.0; n], vec![0.0; n], vec![f32::INFINITY; n]);
        let wet_depth = R::of(params.wet_depth_m);
        track(n, 0.0, dry, wet_depth, &h, &u, &v, &mut depth, &mut hazard, &mut first);
        state.max_depth_m = self.layout.track(&depth, 0.0);
        state.max_hazard_m2ps = self.layout.track(&hazard, 0.0);
        state.first_wet_s = self.layout.track(&first, f32::INFINITY);
        let flags = |t: Tile| {
            let row = |j: usize| &h[(t.r0 - PAD + j) * grid.nx + t.strip * TILE_W..][..t.width];
            let any = (0..t.r1 - t.r0).any(|j| row(j).iter().any(|d| *d > dry));
            wet_flags(any, t.r1 - t.r0, row, dry)
        };
        state.wet = self.tiles().map(flags).collect();
        state.free = self.free();
        state.ledger.initial_m3 = state.volume_m3();
        Ok(state)
    }

    /// The step the CFL condition allows, seconds: for the waves there are, and for the column a discharge would raise
    /// on dry ground within the step. With local steps the common one.
    #[must_use]
    pub fn stable_dt_s(&self, params: &FloodParams, forcing: &FloodForcing, state: &FloodStateOf<R>) -> f64 {
        self.step_lengths_s(params, forcing, state, f64::INFINITY).0
    }

    /// Longest and shortest step that the state allows now, seconds; with local steps the longest is fitted to the time left.
    pub(crate) fn step_lengths_s(
        &self,
        params: &FloodParams,
        forcing: &FloodForcing,
        state: &FloodStateOf<R>,
        left_s: f64,
    ) -> (f64, f64) {
        if let TimeStepping::Local { max_levels } = params.time_stepping {
            let common = local::plan(self, params, forcing, state, max_levels, left_s);
            return (common.dt_s, common.shortest_s);
        }
        let dt = self.reach_m(params) / state.speed_mps;
        let dt = if dt >= params.max_dt_s { params.max_dt_s } else { dt };
        let column = self.column_dt_s(params, forcing, state.t_s);
        let dt = if dt > column { column } else { dt };
        (dt, dt)
    }

    /// How far a wave may go in a step, metres.
    pub(crate) fn reach_m(&self, params: &FloodParams) -> f64 {
        params.cfl * self.layout.grid.dx_m
    }

    /// Longest step for the columns that discharges raise on dry ground, seconds.
    pub(crate) fn column_dt_s(&self, params: &FloodParams, forcing: &FloodForcing, t_s: f64) -> f64 {
        let reach = self.reach_m(params);
        let rise = params.gravity_mps2 * forcing.fastest_rise_mps(self, t_s, params.max_dt_s);
        // sqrt(g rise dt) dt <= reach.
        if rise > 0.0 { libm::cbrt(reach * reach / rise) } else { f64::INFINITY }
    }

    /// Advances by at most `cap_s` seconds. Extremes are tracked in every [`TRACK_EVERY`]th step, and in this one if `track`.
    pub(crate) fn step_capped(
        &self,
        params: &FloodParams,
        forcing: &FloodForcing,
        state: &mut FloodStateOf<R>,
        cap_s: f64,
        track: bool,
    ) -> Stepped {
        if self.porous.is_some() && state.free.is_empty() {
            // A state read back does not know the ground.
            state.free = self.free();
        }
        if let (TimeStepping::Local { max_levels }, None) = (params.time_stepping, &self.porous) {
            let done = local::advance(self, params, forcing, state, max_levels, cap_s, track);
            let report = StepReport { tick: state.tick, t_s: state.t_s, dt_s: done.dt_s };
            return Stepped { report, cells: done.cells, shortest_s: done.shortest_s, longest_s: done.longest_s };
        }
        let dt = self.stable_dt_s(params, forcing, state).min(cap_s);
        let t1_s = state.t_s + dt;
        let now = forcing.at_step(self, state.t_s, t1_s);
        if self.open_edges {
            for field in [&mut state.h, &mut state.u, &mut state.v] {
                extend_edges(&self.layout, field);
            }
        }
        let active: Vec<bool> = self.active(&state.wet, forcing);
        let k = Step::new(params, dt, self.layout.grid.dx_m);
        let depth_m = |cell: u32| state.depth_at_m(cell as usize);
        let flows: Vec<_> = self.structures.outlets.iter().map(|o| links::outlet_flows(self, o, depth_m)).collect();
        let laws = self.laws.at_time(t1_s, &flows, self.layout.grid.dx_m);
        let last_or_fourth = track || (state.tick + 1).is_multiple_of(TRACK_EVERY);
        let soil = self.soil_laws(forcing, state, dt, last_or_fourth);
        let fields = Fields {
            layout: self.layout,
            water: Whole { h: &state.h, u: &state.u, v: &state.v },
            bed: &self.bed,
            n2: &self.n2,
            crest_w: &self.crests[0],
            crest_s: &self.crests[1],
            laws: &laws,
            porous: self.porous.as_ref(),
            open_edges: self.open_edges,
        };
        let pass = Pass {
            fields,
            forcing,
            now: &now,
            active: &active,
            k,
            t1_s,
            wet_depth: R::of(params.wet_depth_m),
            track: last_or_fourth,
            soil: &soil,
            walled: &self.walled,
            rough: self.rough,
            arch: self.arch,
        };
        let rasters = Rasters {
            layout: self.layout,
            h: &mut state.h1,
            u: &mut state.u1,
            v: &mut state.v1,
            carry: &mut state.carry,
            max_depth: &mut state.max_depth_m,
            max_hazard: &mut state.max_hazard_m2ps,
            first_wet: &mut state.first_wet_s,
            soil_used: &mut state.soil_used,
            wet: &mut state.wet,
            settled: &mut state.settled,
        };
        let sums = rasters.run(|scratch, job| pass.step(scratch, job));
        let mut total = PassSums::default();
        sums.iter().for_each(|s| total.add(s));
        let grid = self.layout.grid;
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
        l.infiltrated_m3 += total.infiltrated * area;
        std::mem::swap(&mut state.h, &mut state.h1);
        std::mem::swap(&mut state.u, &mut state.u1);
        std::mem::swap(&mut state.v, &mut state.v1);
        state.speed_mps = total.tiles.speed;
        state.waves.fill(None);
        state.t_s = t1_s;
        state.tick += 1;
        links::apply(self, params, state, dt);
        let report = StepReport { tick: state.tick, t_s: t1_s, dt_s: dt };
        Stepped { report, cells: total.stepped, shortest_s: dt, longest_s: dt }
    }

    /// Laws of the ground for the time it has not taken in water, this step included; none in a step in which it waits.
    pub(crate) fn soil_laws(
        &self,
        forcing: &FloodForcing,
        state: &mut FloodStateOf<R>,
        dt_s: f64,
        due: bool,
    ) -> Vec<Law<R>> {
        if forcing.soil_kind.is_empty() {
            return Vec::new();
        }
        if state.soil_used.is_empty() {
            state.soil_used = vec![R::ZERO; self.layout.track_len()];
        }
        state.soil_wait_s += dt_s;
        if !due {
            return Vec::new();
        }
        let waited = std::mem::take(&mut state.soil_wait_s);
        forcing.forcing.soil.kinds.iter().map(|kind| Law::new(kind, waited)).collect()
    }

    /// Tiles to compute: with water that moves, next to such water, or with a source.
    pub(crate) fn active(&self, flags: &[u8], forcing: &FloodForcing) -> Vec<bool> {
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

impl<R: Real> Kernel for FloodKernelOf<R> {
    type Params = FloodParams;
    type Forcing = FloodForcing;
    type State = FloodStateOf<R>;

    fn step(&self, params: &FloodParams, forcing: &FloodForcing, state: &mut FloodStateOf<R>) -> StepReport {
        self.step_capped(params, forcing, state, params.max_dt_s, false).report
    }
}

/// Rasters of bed and roughness. Beyond the edge the ground goes on as it is at the edge, without friction.
fn grounds<R: Real>(layout: &Layout, bed: &[R], n2: &[R]) -> (Vec<R>, Vec<R>) {
    let (nx, ny) = (layout.grid.nx, layout.grid.ny);
    let clamp = |at: isize, n: usize| at.clamp(0, n as isize - 1) as usize;
    let inside = |i: isize, j: isize| i >= 0 && j >= 0 && i < nx as isize && j < ny as isize;
    (
        layout.ground(|i, j| bed[clamp(j, ny) * nx + clamp(i, nx)]),
        layout.ground(|i, j| if inside(i, j) { n2[j as usize * nx + i as usize] } else { R::ZERO }),
    )
}

/// Copies the outermost rows into the rows around them (zero gradient); columns are extended where rows are loaded.
fn extend_edges<R: Real>(layout: &Layout, field: &mut [R]) {
    for strip in field.chunks_exact_mut(layout.rows * WIDE) {
        let row = |j: usize| j * WIDE..(j + 1) * WIDE;
        for j in 0..PAD {
            strip.copy_within(row(PAD), row(j).start);
            strip.copy_within(row(PAD + layout.grid.ny - 1), row(PAD + layout.grid.ny + j).start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Forcing, Grid, Porosity, RainSeries, barrier_along};
    use sim_core::Snapshot;

    /// 130 x 70 cells: three by three tiles, the last of each row and column narrow.
    fn lively<R: Real>(
        arch: Option<pulp::Arch>,
        open_edges: bool,
    ) -> (FloodKernelOf<R>, FloodForcing, FloodStateOf<R>) {
        let grid = Grid { nx: 130, ny: 70, dx_m: 2.0 };
        let mut terrain = Terrain::from_fn(grid, 0.03, |x, y| 5.0 + 0.5 * (0.1 * x).sin() * (0.13 * y).cos());
        (3000..3010).for_each(|k| terrain.blocked[k] = true);
        // The last column of tiles has no buildings smaller than a cell.
        let mut porosity = Porosity::uniform(&grid, 1.0);
        (0..porosity.storage.len())
            .filter(|k| k % 130 < 100)
            .for_each(|k| porosity.storage[k] = 0.2 + 0.1 * (k % 9) as f64);
        terrain.porosity = porosity;
        let wall = barrier_along(&grid, &[[100.0, 0.0], [140.0, 140.0]], 6.0);
        let mut kernel = FloodKernelOf::new(&terrain, vec![wall], open_edges).unwrap();
        kernel.arch = arch.unwrap_or(kernel.arch);
        let rain = RainSeries { series: vec![(0.0, 60.0)], cells: None };
        let forcing = FloodForcing::new(&kernel, Forcing { rain: vec![rain], ..Forcing::default() }).unwrap();
        let depth_m = (0..grid.cell_count()).map(|k| if k % 130 < 40 { 2.0 } else { 0.0 }).collect();
        let initial = Initial { depth_m, ..Initial::default() };
        let state = kernel.initial_state(&FloodParams::default(), &forcing, &initial).unwrap();
        (kernel, forcing, state)
    }

    fn run<R: Real>(arch: Option<pulp::Arch>, time_stepping: TimeStepping) -> u64 {
        let (kernel, forcing, mut state) = lively::<R>(arch, false);
        let params = FloodParams { time_stepping, ..FloodParams::default() };
        for _ in 0..60 {
            kernel.step(&params, &forcing, &mut state);
        }
        state.checksum()
    }

    fn same_bits<R: Real>() {
        for stepping in [TimeStepping::Global, TimeStepping::LOCAL] {
            let plain = run::<R>(Some(pulp::Arch::Scalar), stepping);
            assert_eq!(run::<R>(None, stepping), plain);
            #[cfg(target_arch = "x86_64")]
            if let Some(avx2) = pulp::x86::V3::try_new() {
                assert_eq!(run::<R>(Some(pulp::Arch::V3(avx2)), stepping), plain);
            }
        }
    }

    #[test]
    fn plain_and_vector_instructions_give_the_same_bits() {
        same_bits::<f32>();
        same_bits::<f64>();
    }

    /// Skipping dry tiles must change nothing: the same run with every tile forced active.
    #[test]
    fn skipping_dry_tiles_changes_nothing() {
        let (kernel, _, mut lazy) = lively::<f32>(None, true);
        let none = FloodForcing::new(&kernel, Forcing::default()).unwrap();
        let mut eager = lazy.clone();
        let (mut skipped, cells) = (0, kernel.layout.grid.cell_count() as u64);
        for _ in 0..150 {
            let done = kernel.step_capped(&FloodParams::default(), &none, &mut lazy, 1.0, false);
            eager.wet.fill(u8::MAX);
            let all = kernel.step_capped(&FloodParams::default(), &none, &mut eager, 1.0, false);
            assert_eq!((done.report, all.cells), (all.report, cells));
            skipped += cells - done.cells;
            assert_eq!(lazy.checksum(), eager.checksum());
        }
        assert!(skipped > 0, "nothing was skipped: the test shows nothing");
    }

    #[test]
    fn rain_classes_and_ledger_agree_with_the_water() {
        let (kernel, forcing, mut state) = lively::<f64>(None, false);
        for _ in 0..50 {
            kernel.step(&FloodParams::default(), &forcing, &mut state);
        }
        let l = state.ledger;
        let there = state.volume_m3() - l.initial_m3;
        assert!(l.rain_in_m3 > 0.0);
        assert!((there - l.rain_in_m3).abs() <= 1e-12 * l.initial_m3, "{there} {}", l.rain_in_m3);
    }
}
