//! The flood kernel on a GPU: the same scheme in WGSL, through wgpu (Vulkan, Metal, Direct3D 12).
//!
//! Steps, time, forcing, the list of active tiles and the water account stay on the device; the host hands in some
//! steps at a time and reads a few words back. Results agree with [`crate::FloodRun`] in metrics (a millimetre of
//! depth), not in bits. `README.md` beside this file tells the design.
//!
//! ```no_run
//! use sim_core::CancelToken;
//! use sim_flood::gpu::{AdapterChoice, GpuFlood};
//! use sim_flood::{FloodParams, Forcing, Grid, Initial, Terrain};
//!
//! let terrain = Terrain::from_fn(Grid { nx: 400, ny: 300, dx_m: 2.0 }, 0.03, |x, _| 5.0 - 0.01 * x);
//! let initial = Initial::level(&terrain, 2.0);
//! let choice = AdapterChoice::Fastest;
//! let mut run = GpuFlood::new(&terrain, vec![], Forcing::default(), FloodParams::default(), &initial, &choice)?;
//! run.advance_to(60.0, &CancelToken::new())?;
//! println!("{}: {} m3", run.adapter_name(), run.ledger()?.current_m3);
//! # Ok::<(), sim_flood::FloodError>(())
//! ```

mod account;
mod device;
mod exchange;
mod pack;
mod passes;
mod works;

pub use device::AdapterChoice;
/// The graphics library, in the version whose devices [`GpuFlood::from_device`] takes.
pub use wgpu;

use sim_core::{CancelToken, ParamError, Snapshot, SnapshotError};

use crate::{
    Barrier, FloodError, FloodForcing, FloodKernel, FloodParams, FloodState, Forcing, Grid, GroundEdit, Initial,
    Ledger, StepStats, Structures, Terrain,
};
use device::{Fault, Gpu};
use pack::{HEAD_WORDS, Shape, TILE_WORDS, head};
use passes::{Drive, Fields, Passes};

/// Most steps handed in at once.
const MOST_STEPS: f64 = 128.0;
/// Most cell-steps handed in at once: below a second even on a software adapter, so that a cancel is heard.
const MOST_CELL_STEPS: f64 = 4e9;
/// The same on a software adapter.
const MOST_CELL_STEPS_SOFTWARE: f64 = 4e6;

/// A flood run on a GPU; see [`crate::FloodRun`] for the same on the CPU.
#[derive(Debug)]
pub struct GpuFlood {
    gpu: Gpu,
    kernel: FloodKernel,
    params: FloodParams,
    forcing: FloodForcing,
    passes: Passes,
    /// Which of the two states is the present one.
    at: usize,
    t_s: f64,
    tick: u64,
    speed_mps: f32,
    /// Time since the ground last took in water, seconds.
    soil_wait_s: f32,
    /// What was booked before the forcing on the device.
    booked: Ledger,
}

/// Head of the clock as the device left it.
struct Head(Vec<u32>);

impl Head {
    fn real(&self, at: usize) -> f32 {
        f32::from_bits(self.0[at])
    }

    fn t_s(&self) -> f64 {
        pack::pair_value(&self.0[head::T..])
    }

    fn reached(&self) -> bool {
        self.0[head::T..head::T + 2] == self.0[head::UNTIL..head::UNTIL + 2]
    }

    fn cell_steps(&self) -> u64 {
        (u64::from(self.0[head::CELLS_HI]) << 32 | u64::from(self.0[head::CELLS_LO])) + u64::from(self.0[head::CELLS])
    }
}

impl GpuFlood {
    /// Checks everything and prepares a run at time 0 on the adapter chosen.
    ///
    /// # Errors
    /// [`FloodError`] naming the first invalid input; [`FloodError::NoAdapter`]; [`FloodError::Gpu`] when the device
    /// lacks memory for the raster.
    pub fn new(
        terrain: &Terrain,
        structures: impl Into<Structures>,
        forcing: Forcing,
        params: FloodParams,
        initial: &Initial,
        adapter: &AdapterChoice,
    ) -> Result<Self, FloodError> {
        // Inputs first: a wrong one is named whether or not there is a GPU.
        let prepared = Prepared::new(terrain, structures, forcing, params, initial)?;
        Self::start(Gpu::open(adapter)?, prepared)
    }

    /// The same on a device that is there already, so that a renderer can draw [`GpuFlood::depth_buffer`] in place.
    ///
    /// # Errors
    /// [`FloodError`] naming the first invalid input; [`FloodError::Gpu`] when the device lacks memory or limits.
    pub fn from_device(
        device: wgpu::Device,
        queue: wgpu::Queue,
        terrain: &Terrain,
        structures: impl Into<Structures>,
        forcing: Forcing,
        params: FloodParams,
        initial: &Initial,
    ) -> Result<Self, FloodError> {
        let prepared = Prepared::new(terrain, structures, forcing, params, initial)?;
        let info = device.adapter_info();
        let name = format!("{} ({:?})", info.name, info.backend);
        let software = info.device_type == wgpu::DeviceType::Cpu;
        Self::start(Gpu { device, queue, name, software, fault: Fault::default() }, prepared)
    }

    fn start(gpu: Gpu, prepared: Prepared) -> Result<Self, FloodError> {
        let Prepared { kernel, params, forcing, state } = prepared;
        let shape = Shape::new(kernel.layout().grid, &gpu);
        let fields = Fields::new(&gpu, &shape, &kernel)?;
        let drive = Drive::new(&gpu, &shape, &kernel, &forcing, &params)?;
        let passes = Passes::new(&gpu, shape, fields, drive)?;
        passes.write_params(&gpu, &params, &kernel, &forcing);
        let mut run = Self {
            gpu,
            kernel,
            params,
            forcing,
            passes,
            at: 0,
            t_s: 0.0,
            tick: 0,
            speed_mps: 0.0,
            soil_wait_s: 0.0,
            booked: Ledger::default(),
        };
        run.upload(&state)?;
        Ok(run)
    }

    /// Steps until simulated time `t_s`, seconds; a time already reached does nothing. Looks at `cancel` every few
    /// steps, and waits for the device.
    ///
    /// # Errors
    /// [`FloodError::Cancelled`], [`FloodError::StepTooSmall`]; the state is valid at the time reached.
    /// [`FloodError::Gpu`] when the device fails.
    pub fn advance_to(&mut self, t_s: f64, cancel: &CancelToken) -> Result<StepStats, FloodError> {
        if !t_s.is_finite() {
            return Err(ParamError::new("advance_to t_s", t_s, "s", "a finite time").into());
        }
        let mut stats = StepStats { t_s: self.t_s, ..StepStats::default() };
        if self.t_s >= t_s {
            return Ok(stats);
        }
        self.wind(t_s);
        let start = self.tick;
        loop {
            if cancel.is_cancelled() {
                return Err(FloodError::Cancelled { t_s: self.t_s });
            }
            self.passes.submit(&self.gpu, self.batch(t_s), self.at, self.tick);
            let head = self.head()?;
            let done = u64::from(head.0[head::STEPS]) - (self.tick - start);
            self.tick += done;
            self.at = (self.at + done as usize) % 2;
            (self.speed_mps, self.soil_wait_s) = (head.real(head::SPEED), head.real(head::SOIL_WAIT));
            self.t_s = if head.reached() { t_s } else { head.t_s() };
            stats = StepStats {
                steps: self.tick - start,
                t_s: self.t_s,
                min_dt_s: f64::from(head.real(head::LEAST_DT)),
                max_dt_s: f64::from(head.real(head::MOST_DT)),
                cell_steps: head.cell_steps(),
            };
            if head.reached() {
                self.passes.track_all(&self.gpu, self.at);
                return Ok(stats);
            }
            if head.0[head::PHASE] == pack::TOO_SMALL {
                return Err(FloodError::StepTooSmall {
                    dt_s: f64::from(head.real(head::DT)),
                    min_dt_s: self.params.min_dt_s,
                    t_s: self.t_s,
                    speed_mps: f64::from(self.speed_mps),
                });
            }
        }
    }

    /// Sets the clock on the device to run from the time reached to `t_s`.
    fn wind(&self, t_s: f64) {
        let mut words = vec![0; HEAD_WORDS];
        words[head::T..head::T + 2].copy_from_slice(&pack::pair(self.t_s));
        words[head::UNTIL..head::UNTIL + 2].copy_from_slice(&pack::pair(t_s));
        words[head::SPEED] = self.speed_mps.to_bits();
        words[head::LEAST_DT] = f32::MAX.to_bits();
        words[head::TICKS] = self.tick as u32;
        words[head::SOIL_WAIT] = self.soil_wait_s.to_bits();
        self.gpu.write(&self.passes.drive.clock, 0, &words);
    }

    fn head(&self) -> Result<Head, FloodError> {
        let (clock, status) = (&self.passes.drive.clock, &self.passes.fields.status);
        Ok(Head(self.gpu.read_through(clock, status, &[0], HEAD_WORDS)?))
    }

    /// Steps to hand in: what the way to `t_s` takes at the present speed, and a few more.
    fn batch(&self, t_s: f64) -> u64 {
        let reach = self.params.cfl * self.grid().dx_m;
        let dt = (reach / f64::from(self.speed_mps)).min(self.params.max_dt_s);
        let wanted = (1.1 * (t_s - self.t_s) / dt).ceil() + 2.0;
        let work = if self.gpu.software { MOST_CELL_STEPS_SOFTWARE } else { MOST_CELL_STEPS };
        let most = (work / self.grid().cell_count() as f64).clamp(2.0, MOST_STEPS);
        // NaN, where the speed is: one step tells.
        if wanted < most { wanted as u64 } else { most as u64 }
    }

    /// Replaces all barriers now (sandbags are laid). Moves no water.
    ///
    /// # Errors
    /// [`FloodError`] when a barrier is invalid; the old ones stay.
    pub fn set_barriers(&mut self, barriers: &[Barrier]) -> Result<(), FloodError> {
        let structures = Structures { barriers: barriers.to_vec(), ..self.kernel.structures().clone() };
        self.set_structures(structures)
    }

    /// Replaces all structures now: a gate is moved, a culvert blocked, a pump brought. Moves no water.
    ///
    /// # Errors
    /// [`FloodError`] when a structure is invalid; the old ones stay.
    pub fn set_structures(&mut self, structures: Structures) -> Result<(), FloodError> {
        works::check(&structures)?;
        self.kernel.set_structures(structures)?;
        let drive = self.drive(&self.kernel, &self.forcing)?;
        self.take(drive, self.forcing.clone())
    }

    /// Replaces the forcing from now on. Whether edges are open was fixed at the start.
    ///
    /// # Errors
    /// [`FloodError`] when the forcing is invalid; the old one stays.
    pub fn set_forcing(&mut self, forcing: Forcing) -> Result<(), FloodError> {
        let forcing = FloodForcing::new(&self.kernel, forcing)?;
        let drive = self.drive(&self.kernel, &forcing)?;
        self.take(drive, forcing)
    }

    /// Changes the ground of cells now; see [`crate::FloodKernel::edit_ground`]. The state goes through the host; ask for
    /// [`GpuFlood::depth_buffer`] again.
    ///
    /// # Errors
    /// [`FloodError`] when an edit is invalid, or blocks a cell that a discharge goes to; nothing has changed then.
    pub fn edit_ground(&mut self, edits: &[GroundEdit]) -> Result<(), FloodError> {
        let (mut kernel, mut state) = (self.kernel.clone(), self.state()?);
        kernel.edit_ground(edits, &mut state, &self.params)?;
        let forcing = FloodForcing::new(&kernel, self.forcing.forcing().clone())?;
        let drive = self.drive(&kernel, &forcing)?;
        self.kernel = kernel;
        self.take(drive, forcing)?;
        self.gpu.write(&self.passes.fields.ground, 0, &pack::ground(&self.kernel, &self.grid()));
        self.upload(&state)
    }

    fn drive(&self, kernel: &FloodKernel, forcing: &FloodForcing) -> Result<Drive, FloodError> {
        Drive::new(&self.gpu, &self.passes.shape, kernel, forcing, &self.params)
    }

    /// Takes another forcing or other structures, once what was summed under the old ones is booked.
    fn take(&mut self, drive: Drive, forcing: FloodForcing) -> Result<(), FloodError> {
        let (booked, pumps) = (self.flows()?, self.pump_on()?);
        self.clear_tile_sums()?;
        (self.booked, self.forcing) = (booked, forcing);
        self.passes.set_drive(&self.gpu, drive)?;
        self.write_pumps(&pumps);
        self.passes.write_params(&self.gpu, &self.params, &self.kernel, &self.forcing);
        self.gpu.write(&self.passes.fields.face_codes, 0, &works::face_codes(&self.kernel, &self.grid()));
        let inputs = pack::tile_inputs(&self.passes.shape, &self.kernel, &self.forcing);
        self.change_tiles(|k, words| words[..2].copy_from_slice(&inputs[k]))
    }

    fn change_tiles(&self, change: impl Fn(usize, &mut [u32])) -> Result<(), FloodError> {
        let tiles = &self.passes.fields.tiles;
        let mut words = self.gpu.read(tiles, TILE_WORDS * self.passes.shape.tiles())?;
        words.chunks_exact_mut(TILE_WORDS).enumerate().for_each(|(k, tile)| change(k, tile));
        self.gpu.write(tiles, 0, &words);
        Ok(())
    }

    /// The raster.
    #[must_use]
    pub const fn grid(&self) -> Grid {
        self.passes.shape.grid
    }

    /// Simulated time, seconds.
    #[must_use]
    pub const fn t_s(&self) -> f64 {
        self.t_s
    }

    /// Steps taken since the start.
    #[must_use]
    pub const fn tick(&self) -> u64 {
        self.tick
    }

    /// Name of the GPU and its interface.
    #[must_use]
    pub fn adapter_name(&self) -> &str {
        &self.gpu.name
    }

    /// Device and queue, to be shared with a renderer.
    #[must_use]
    pub const fn device(&self) -> (&wgpu::Device, &wgpu::Queue) {
        (&self.gpu.device, &self.gpu.queue)
    }

    /// The present state, to be drawn in place: a storage buffer of `vec4<f32>` per cell in [`Grid`] order (south row
    /// first): depth (m), velocity east, velocity north (m/s), rounding carried (m; ignore it).
    ///
    /// One of two buffers takes turns: ask again after each advance. The buffer keeps its values until the next one.
    #[must_use]
    pub const fn depth_buffer(&self) -> &wgpu::Buffer {
        &self.passes.fields.states[self.at]
    }

    /// Both state buffers, of which [`GpuFlood::depth_buffer`] is one: for bind groups made once.
    #[must_use]
    pub const fn state_buffers(&self) -> &[wgpu::Buffer; 2] {
        &self.passes.fields.states
    }

    /// Greatest depth (m) of all cells, then greatest depth x speed (m2/s), then time of first wetting (s): a storage
    /// buffer of `f32`, complete at the times given to `advance_to`.
    #[must_use]
    pub const fn extremes_buffer(&self) -> &wgpu::Buffer {
        &self.passes.fields.tracks
    }

    /// Writes the full state, as [`crate::FloodRun::save`] does: either back end continues from it.
    ///
    /// # Errors
    /// [`FloodError::Gpu`] when the device fails.
    pub fn save(&self) -> Result<Vec<u8>, FloodError> {
        Ok(self.state()?.save())
    }

    /// Continues from a state saved by a run over the same terrain, on the CPU or a GPU.
    ///
    /// # Errors
    /// [`FloodError::Snapshot`] when the bytes are damaged or belong to another grid or terrain; the run is unchanged.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), FloodError> {
        let state = FloodState::restore(bytes)?;
        if state.layout != self.kernel.layout() || state.model != self.kernel.digest() {
            let g = state.layout.grid;
            let found = format!("a state of another terrain ({} x {} cells of {} m)", g.nx, g.ny, g.dx_m);
            return Err(SnapshotError::WrongKind { expected: "this run's terrain", found }.into());
        }
        self.upload(&state)
    }
}

/// Inputs, checked, before there is a device.
struct Prepared {
    kernel: FloodKernel,
    params: FloodParams,
    forcing: FloodForcing,
    state: FloodState,
}

impl Prepared {
    fn new(
        terrain: &Terrain,
        structures: impl Into<Structures>,
        forcing: Forcing,
        params: FloodParams,
        initial: &Initial,
    ) -> Result<Self, FloodError> {
        let params = params.validate()?;
        terrain.porosity.only_none("the GPU back end")?;
        let structures = structures.into();
        works::check(&structures)?;
        let kernel = FloodKernel::new(terrain, structures, forcing.open_edges)?;
        let forcing = FloodForcing::new(&kernel, forcing)?;
        let state = kernel.initial_state(&params, &forcing, initial)?;
        Ok(Self { kernel, params, forcing, state })
    }
}
