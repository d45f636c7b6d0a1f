//! The preview kernel: unchanging ground and walls, and the step.

use sim_core::{Checksum, Kernel, StepReport};

use super::band::{Band, BandSums, Halo, Pass, Scratch, bands, boundaries};
use super::forcing::PreviewForcing;
use super::layout::{CHUNK, Layout};
use super::rows::{Step, chunk, chunk_mut, track};
use super::state::{PreviewState, flag};
use crate::kernel::TRACK_EVERY;
use crate::{Barrier, FaceAxis, FloodError, FloodParams, Initial, Real, Terrain};

/// Weight of a face's own discharge against its neighbours'. De Almeida et al. 2012 find 0.7 to 0.9 to remove the
/// oscillations of the scheme on smooth beds; the higher end damps waves less.
const THETA: f32 = 0.9;

/// Ground, roughness, buildings and walls of a preview. **Not certified**: see [`crate::preview`].
#[derive(Debug, Clone)]
pub struct PreviewKernel {
    layout: Layout,
    datum_m: f64,
    pub(super) bed: Vec<f32>,
    /// Half of Manning's n squared.
    pub(super) rough: Vec<f32>,
    blocked: Vec<bool>,
    /// Crest on the west face of each cell.
    pub(super) crest_w: Vec<f32>,
    /// Crest on the south face of each cell.
    pub(super) crest_s: Vec<f32>,
    open_edges: bool,
    /// Per chunk: a crest on a west or south face of its cells.
    walled: Vec<bool>,
    digest: u64,
    pub(super) arch: pulp::Arch,
}

impl PreviewKernel {
    /// Prepares ground and walls.
    ///
    /// # Errors
    /// [`FloodError`] when the terrain or a barrier is invalid.
    pub fn new(terrain: &Terrain, barriers: &[Barrier], open_edges: bool) -> Result<Self, FloodError> {
        terrain.validate()?;
        terrain.porosity.only_none("a preview")?;
        let (grid, layout) = (terrain.grid, Layout::new(terrain.grid));
        let datum_m = terrain.bed_m.iter().fold(f64::INFINITY, |m, z| m.min(*z)).floor();
        // Beyond the edge the ground goes on as it is at the edge.
        let clamp = |at: isize, n: usize| at.clamp(0, n as isize - 1) as usize;
        let cell = |i: isize, j: isize| clamp(j, grid.ny) * grid.nx + clamp(i, grid.nx);
        let mut c = Checksum::new();
        c.add_u64(u64::from_le_bytes(*b"preview "));
        c.add_f64s(&terrain.bed_m);
        c.add_f64s(&terrain.manning);
        terrain.blocked.iter().for_each(|b| c.add_u64(u64::from(*b)));
        let mut kernel = Self {
            layout,
            datum_m,
            bed: layout.ground(|i, j| (terrain.bed_m[cell(i, j)] - datum_m) as f32),
            rough: layout.ground(|i, j| (0.5 * terrain.manning[cell(i, j)] * terrain.manning[cell(i, j)]) as f32),
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

    /// Replaces all barriers. Moves no water.
    ///
    /// # Errors
    /// [`FloodError`] when a barrier is invalid; the old barriers stay.
    pub fn set_barriers(&mut self, barriers: &[Barrier]) -> Result<(), FloodError> {
        let (grid, layout) = (self.layout.grid, self.layout);
        barriers.iter().try_for_each(|b| b.validate(&grid))?;
        let mut w = vec![f32::NO_CREST; layout.len()];
        let mut s = w.clone();
        for b in barriers {
            for f in &b.faces {
                let faces = if f.axis == FaceAxis::X { &mut w } else { &mut s };
                let crest = &mut faces[layout.at(f.i as usize, f.j as usize)];
                *crest = crest.max((b.crest_m - self.datum_m) as f32);
            }
        }
        for cell in (0..grid.cell_count()).filter(|c| self.blocked[*c]) {
            let at = layout.cell(cell);
            (w[at], w[at + 1], s[at], s[at + layout.stride]) = (f32::WALL, f32::WALL, f32::WALL, f32::WALL);
        }
        let chunk_walled = |j: usize, c: usize| {
            let from = layout.at(c * CHUNK, j);
            w[from..from + CHUNK].iter().chain(&s[from..from + CHUNK]).any(|crest| *crest > f32::NO_CREST)
        };
        self.walled = (0..grid.ny)
            .flat_map(|j| (0..layout.chunks).map(move |c| (j, c)))
            .map(|(j, c)| chunk_walled(j, c))
            .collect();
        (self.crest_w, self.crest_s) = (w, s);
        Ok(())
    }

    pub(crate) const fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) fn blocked(&self) -> &[bool] {
        &self.blocked
    }

    pub(crate) const fn open_edges(&self) -> bool {
        self.open_edges
    }

    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }

    /// A crest on a west or south face of a chunk.
    #[inline(always)]
    pub(super) fn walled(&self, j: isize, c: usize) -> bool {
        self.walled[j as usize * self.layout.chunks + c]
    }

    /// Row `j` of a ground; the outermost row beyond the raster.
    #[inline(always)]
    pub(super) fn ground<'a>(&self, ground: &'a [f32], j: isize) -> &'a [f32] {
        let from = j.clamp(0, self.layout.grid.ny as isize) as usize * self.layout.stride;
        &ground[from..from + self.layout.stride]
    }

    /// Bed of a cell relative to the datum, metres.
    pub(crate) fn bed_m(&self, cell: usize) -> f64 {
        f64::from(self.bed[self.layout.cell(cell)])
    }

    /// Elevation the kernel counts from, metres above the terrain's datum (lowest ground, rounded down).
    #[must_use]
    pub const fn datum_m(&self) -> f64 {
        self.datum_m
    }

    /// The state at time 0: the initial water with imposed levels already standing.
    ///
    /// # Errors
    /// [`FloodError`] when `initial` does not fit the grid.
    pub fn initial_state(
        &self,
        params: &FloodParams,
        forcing: &PreviewForcing,
        initial: &Initial,
    ) -> Result<PreviewState, FloodError> {
        let (layout, grid) = (self.layout, self.layout.grid);
        initial.validate(&grid)?;
        let n = grid.cell_count();
        let full = |v: &[f64]| if v.is_empty() { vec![0.0; n] } else { v.to_vec() };
        let (mut h, u, v) = (full(&initial.depth_m), full(&initial.velocity_x_mps), full(&initial.velocity_y_mps));
        let levels = forcing.levels(self, 0.0);
        forcing.stages.iter().flatten().for_each(|s| h[s.cell] = (levels[s.series] - s.bed_m).max(0.0));
        h.iter_mut().zip(&self.blocked).filter(|(_, blocked)| **blocked).for_each(|(h, _)| *h = 0.0);
        let mut state = PreviewState::new(layout, self.digest);
        for (cell, depth) in h.iter().enumerate() {
            let at = layout.cell(cell);
            state.h[at] = *depth as f32;
            // Between two wet cells the mean of their discharges.
            for (field, back, step, speed) in
                [(&mut state.qx, cell % grid.nx > 0, 1, &u), (&mut state.qy, cell >= grid.nx, grid.nx, &v)]
            {
                let low = if back { cell - step } else { cell };
                if back && h[low].min(*depth) > params.dry_depth_m {
                    field[at] = (0.5 * (h[low] * speed[low] + depth * speed[cell])) as f32;
                }
            }
        }
        state.note_wet(params.dry_depth_m as f32);
        self.first_extremes(params, &mut state);
        state.ledger.initial_m3 = state.volume_m3();
        Ok(state)
    }

    fn first_extremes(&self, params: &FloodParams, state: &mut PreviewState) {
        let wet_depth = params.wet_depth_m as f32;
        let n = self.layout.stride;
        for j in 0..self.layout.grid.ny {
            let row = j * n..(j + 1) * n;
            let (h, qx) = (&state.h[row.clone()], &state.qx[row.clone()]);
            let (south, north) = (&state.qy[row.clone()], &state.qy[row.end..row.end + n]);
            let (depth, hazard) = (&mut state.max_depth_m[row.clone()], &mut state.max_hazard_m2ps[row.clone()]);
            let first = &mut state.first_wet_s[row];
            for c in 0..self.layout.chunks {
                let (x, y) = ([chunk(qx, c, 0), chunk(qx, c, 1)], [chunk(south, c, 0), chunk(north, c, 0)]);
                let (depth, hazard) = (chunk_mut(depth, c), chunk_mut(hazard, c));
                track(0.0, wet_depth, chunk(h, c, 0), x, y, depth, hazard, chunk_mut(first, c));
            }
        }
    }

    /// The step that the waves there are allow, seconds, and the column a discharge would raise on dry ground within it.
    ///
    /// The scheme is stable up to a Courant number of 1/sqrt(2) in two dimensions, the full kernel's up to 1/2: a
    /// parameter `cfl` is taken times sqrt(2).
    #[must_use]
    pub fn stable_dt_s(&self, params: &FloodParams, forcing: &PreviewForcing, state: &PreviewState) -> f64 {
        let reach = std::f64::consts::SQRT_2 * params.cfl * self.layout.grid.dx_m;
        let dt = reach / (params.gravity_mps2 * state.deepest_m).sqrt();
        let dt = if dt >= params.max_dt_s { params.max_dt_s } else { dt };
        let area = self.layout.grid.cell_area_m2();
        let rise = params.gravity_mps2 * forcing.fastest_rise_mps(area, state.t_s, params.max_dt_s);
        // sqrt(g rise dt) dt <= reach.
        let column = if rise > 0.0 { (rise / (reach * reach)).max(f64::MIN_POSITIVE).inv_cbrt() } else { dt };
        if dt > column { column } else { dt }
    }

    /// Advances by at most `cap_s` seconds; returns the report and the number of cells computed. Extremes are tracked in
    /// every fourth step, and in this one if `track`.
    pub(crate) fn step_capped(
        &self,
        params: &FloodParams,
        forcing: &PreviewForcing,
        state: &mut PreviewState,
        cap_s: f64,
        track: bool,
    ) -> (StepReport, u64) {
        let layout = self.layout;
        let dt = self.stable_dt_s(params, forcing, state).min(cap_s);
        let t1_s = state.t_s + dt;
        let now = forcing.at_step(self, state.t_s, t1_s);
        let (g, dx) = (params.gravity_mps2, layout.grid.dx_m);
        let k = Step {
            g: g as f32,
            lam: (dt / dx) as f32,
            g_lam: (g * dt / dx) as f32,
            g_dt: (g * dt) as f32,
            dry: params.dry_depth_m as f32,
            theta: THETA,
            beside: 0.5 * (1.0 - THETA),
        };
        let active = active(&layout, &state.flags);
        let halos = halos(&layout, state);
        let pass = Pass {
            kernel: self,
            forcing,
            now: &now,
            active: &active,
            halos: &halos,
            k,
            t1_s,
            wet_depth: params.wet_depth_m as f32,
            track: track || (state.tick + 1).is_multiple_of(TRACK_EVERY),
        };
        let rasters: [&mut [f32]; 7] = [
            &mut state.h,
            &mut state.qx,
            &mut state.qy,
            &mut state.carry,
            &mut state.max_depth_m,
            &mut state.max_hazard_m2ps,
            &mut state.first_wet_s,
        ];
        let sums = run(&layout, bands(&layout, rasters, &mut state.flags), |scratch, mut band| {
            self.arch.dispatch(BandOp { pass: &pass, scratch, band: &mut band })
        });
        let area = layout.grid.cell_area_m2();
        let l = &mut state.ledger;
        l.rain_in_m3 += now.rain_m3;
        let (mut deepest, mut stepped) = (0.0_f32, 0);
        for s in &sums {
            l.residue_m3 += s.lost * area;
            l.edge_out_m3 += s.edge_out * dt * dx;
            l.stage_in_m3 += s.stage_in * area;
            l.stage_out_m3 += s.stage_out * area;
            l.point_in_m3 += s.point_in * area;
            l.point_out_m3 += s.point_out * area;
            deepest = if s.deepest.is_nan() || s.deepest > deepest { s.deepest } else { deepest };
            stepped += s.stepped;
        }
        state.deepest_m = f64::from(deepest);
        state.t_s = t1_s;
        state.tick += 1;
        (StepReport { tick: state.tick, t_s: t1_s, dt_s: dt }, stepped)
    }
}

/// A band's step for the instruction set of the machine. (A closure would not be inlined into it.)
struct BandOp<'a, 'b> {
    pass: &'a Pass<'a>,
    scratch: &'a mut Scratch,
    band: &'a mut Band<'b>,
}

impl pulp::WithSimd for BandOp<'_, '_> {
    type Output = BandSums;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, simd: S) -> BandSums {
        self.pass.step(simd, self.scratch, self.band)
    }
}

/// Runs `step` on every band, on several threads with feature `parallel`; results in the order of the bands.
fn run(
    layout: &Layout,
    bands: Vec<Band<'_>>,
    step: impl Fn(&mut Scratch, Band<'_>) -> BandSums + Send + Sync,
) -> Vec<BandSums> {
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        bands.into_par_iter().map_init(|| Scratch::new(layout), step).collect()
    }
    #[cfg(not(feature = "parallel"))]
    {
        let mut scratch = Scratch::new(layout);
        bands.into_iter().map(|band| step(&mut scratch, band)).collect()
    }
}

/// Copies of the rows around each boundary between bands.
fn halos(layout: &Layout, state: &PreviewState) -> Vec<Halo> {
    let take = |r: usize| {
        let mut halo = Halo::default();
        halo.take(layout, r, &state.h, &state.qx, &state.qy);
        halo
    };
    #[cfg(feature = "parallel")]
    {
        use rayon::prelude::*;
        let rows: Vec<usize> = boundaries(layout).collect();
        rows.into_par_iter().map(take).collect()
    }
    #[cfg(not(feature = "parallel"))]
    boundaries(layout).map(take).collect()
}

/// Per chunk: [`flag::WET`] when it or a chunk beside it is wet, [`flag::STIRRED`] when it may hold discharges.
fn active(layout: &Layout, flags: &[u8]) -> Vec<u8> {
    let (n, rows) = (layout.chunks, layout.grid.ny);
    let mut out = Vec::with_capacity(flags.len());
    for j in 0..rows {
        for c in 0..n {
            let at = j * n + c;
            let mut near = flags[at];
            if c > 0 {
                near |= flags[at - 1] & flag::WET;
            }
            if c + 1 < n {
                near |= flags[at + 1] & flag::WET;
            }
            if j > 0 {
                near |= flags[at - n] & flag::WET;
            }
            if j + 1 < rows {
                near |= flags[at + n] & flag::WET;
            }
            out.push(near);
        }
    }
    out
}

impl Kernel for PreviewKernel {
    type Params = FloodParams;
    type Forcing = PreviewForcing;
    type State = PreviewState;

    fn step(&self, params: &FloodParams, forcing: &PreviewForcing, state: &mut PreviewState) -> StepReport {
        self.step_capped(params, forcing, state, params.max_dt_s, false).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Forcing;
    use crate::preview::verification::lively;
    use sim_core::Snapshot;

    #[test]
    fn plain_and_vector_instructions_give_the_same_bits() {
        let run = |arch: Option<pulp::Arch>| {
            let mut s = lively().unwrap();
            s.kernel.arch = arch.unwrap_or(s.kernel.arch);
            s.run(120);
            s.state.checksum()
        };
        let plain = run(Some(pulp::Arch::Scalar));
        assert_eq!(run(None), plain);
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = pulp::x86::V3::try_new() {
            assert_eq!(run(Some(pulp::Arch::V3(avx2))), plain);
        }
    }

    /// Skipping dry chunks must change nothing: the same run with every chunk forced active.
    #[test]
    fn skipping_dry_chunks_changes_nothing() {
        let mut lazy = lively().unwrap();
        lazy.forcing = PreviewForcing::new(&lazy.kernel, Forcing::default()).unwrap();
        let mut eager = lazy.clone();
        let (mut skipped, cells) = (0, lazy.kernel.layout.grid.cell_count() as u64);
        for _ in 0..150 {
            let (a, done) = lazy.kernel.step_capped(&lazy.params, &lazy.forcing, &mut lazy.state, 1.0, false);
            eager.state.flags.fill(flag::WET);
            let (b, all) = eager.kernel.step_capped(&eager.params, &eager.forcing, &mut eager.state, 1.0, false);
            assert_eq!((a, all), (b, cells));
            skipped += cells - done;
            assert_eq!(lazy.state.checksum(), eager.state.checksum());
        }
        assert!(skipped > 0, "nothing was skipped: the test shows nothing");
    }
}
