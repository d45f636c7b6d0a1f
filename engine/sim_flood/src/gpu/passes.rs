//! Pipelines, what each of them sees, and the order of a step.

use wgpu::{BindGroup, Buffer, BufferUsages, ComputePass, ComputePipeline, ShaderModule};

use super::device::Gpu;
use super::pack::{self, HEAD_WORDS, SLOT_WORDS, Shape, TILE_WORDS};
use super::works::{self, PUMP_WORDS, Works};
use crate::{FloodError, FloodForcing, FloodKernel, FloodParams};

/// Extremes are tracked in every fourth step, as on the CPU.
const TRACK_EVERY: u64 = crate::kernel::TRACK_EVERY;

const SOURCES: [&str; 9] = [
    include_str!("common.wgsl"),
    include_str!("clock.wgsl"),
    include_str!("tiles.wgsl"),
    include_str!("scheme.wgsl"),
    include_str!("laws.wgsl"),
    include_str!("step.wgsl"),
    include_str!("sources.wgsl"),
    include_str!("soil.wgsl"),
    include_str!("works.wgsl"),
];

/// Positions of the workgroup counts of the calm tiles, and of those whose ground takes in water, among the dispatches, bytes.
const CALM_AT: u64 = 12;
const SOAK_AT: u64 = 24;
/// Words of `Params`.
const PARAM_WORDS: usize = 28;

/// Buffers that live as long as the run.
#[derive(Debug)]
pub(crate) struct Fields {
    pub params: Buffer,
    pub ground: Buffer,
    pub face_codes: Buffer,
    pub tiles: Buffer,
    pub dispatch: Buffer,
    pub states: [Buffer; 2],
    pub tracks: Buffer,
    /// One value per cell once some ground takes in water, else a stub.
    pub soil_used: Buffer,
    pub status: Buffer,
}

impl Fields {
    pub(crate) fn new(gpu: &Gpu, shape: &Shape, kernel: &FloodKernel) -> Result<Self, FloodError> {
        let cells = shape.grid.cell_count();
        gpu.check_size("the state", 16 * cells as u64)?;
        gpu.check_size("the tiles", 4 * (TILE_WORDS * shape.tiles()) as u64)?;
        let ground = pack::ground(kernel, &shape.grid);
        let codes = works::face_codes(kernel, &shape.grid);
        gpu.check_size("the faces", 4 * codes.len() as u64)?;
        gpu.guarded(|| Self {
            params: gpu.buffer("flood params", &[0; PARAM_WORDS], BufferUsages::UNIFORM),
            ground: gpu.buffer("flood ground", &ground, BufferUsages::empty()),
            face_codes: gpu.buffer("flood faces", &codes, BufferUsages::empty()),
            tiles: gpu.zeros("flood tiles", TILE_WORDS * shape.tiles()),
            dispatch: gpu.buffer("flood dispatch", &[0, 1, 1, 0, 1, 1, 0, 1, 1], BufferUsages::INDIRECT),
            states: ["flood state a", "flood state b"].map(|label| gpu.zeros(label, 4 * cells)),
            tracks: gpu.zeros("flood tracks", 3 * cells),
            soil_used: gpu.zeros("flood soil used", 0),
            status: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("flood status"),
                size: 4 * HEAD_WORDS as u64,
                usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
        })
    }
}

impl Fields {
    /// Makes the raster of what the ground has taken in, the first time some ground does.
    fn make_room_for_soil(&mut self, gpu: &Gpu, shape: &Shape, soaks: bool) -> Result<(), FloodError> {
        let words = shape.grid.cell_count();
        if soaks && self.soil_used.size() < 4 * words as u64 {
            self.soil_used = gpu.guarded(|| gpu.zeros("flood soil used", words))?;
        }
        Ok(())
    }
}

/// Buffers made from forcing and structures.
#[derive(Debug)]
pub(crate) struct Drive {
    pub clock: Buffer,
    pub clock_words: usize,
    /// First slot of the rain classes after the head of the clock.
    pub class_slot: usize,
    pub rain_class: Buffer,
    points: Buffer,
    series: Buffer,
    classes: Buffer,
    pub source_count: usize,
    source_cells: Buffer,
    entries: Buffer,
    /// Eight words per source cell.
    pub exchanged: Buffer,
    laws: Buffer,
    has_laws: bool,
    pub works: Works,
    culverts: Buffer,
    pumps: Buffer,
    /// [`PUMP_WORDS`] per pump.
    pub pump_states: Buffer,
    pub pump_count: usize,
    outlets: Buffer,
    outlet_cells: Buffer,
    /// Two words per outlet.
    pub drained: Buffer,
    pub outlet_count: usize,
    pub soaks: bool,
    soils: Buffer,
    soil_kinds: Buffer,
}

impl Drive {
    pub(crate) fn new(
        gpu: &Gpu,
        shape: &Shape,
        kernel: &FloodKernel,
        forcing: &FloodForcing,
        params: &FloodParams,
    ) -> Result<Self, FloodError> {
        works::check(kernel.structures())?;
        let rain_class = &kernel.layout().track_cells(&forcing.rain_class);
        let class_slot = forcing.forcing().inflows.len() + forcing.forcing().stages.len();
        let slots = class_slot + forcing.rain_classes.len() + kernel.laws().all().len();
        let clock_words = HEAD_WORDS + SLOT_WORDS * slots.max(1);
        let (mut points, series) = pack::series(&shape.grid, kernel, forcing);
        let works = Works::new(shape, kernel, params, points.len() / 4);
        points.extend(&works.curves);
        let (pump_count, outlet_count) = (works.pumps.len() / 8, works.outlets.len() / 4);
        let soil_kinds = works::soil_kinds(kernel, forcing);
        let (source_cells, entries) = pack::sources(shape, forcing);
        let source_count = source_cells.len() / 4;
        let none = BufferUsages::empty();
        gpu.guarded(|| Self {
            clock: gpu.buffer("flood clock", &vec![0; clock_words], none),
            clock_words,
            class_slot,
            rain_class: gpu.buffer("flood rain class", rain_class, none),
            points: gpu.buffer("flood points", &points, none),
            series: gpu.buffer("flood series", &series, none),
            classes: gpu.buffer("flood classes", &pack::classes(forcing), none),
            source_count,
            source_cells: gpu.buffer("flood source cells", &source_cells, none),
            entries: gpu.buffer("flood source entries", &entries, none),
            exchanged: gpu.buffer("flood exchanged", &vec![0; 8 * source_count], none),
            has_laws: !kernel.laws().all().is_empty(),
            laws: gpu.buffer("flood laws", &works::laws(kernel), none),
            culverts: gpu.buffer("flood culverts", &works.culverts, none),
            pumps: gpu.buffer("flood pumps", &works.pumps, none),
            pump_states: gpu.buffer("flood pump states", &vec![0; PUMP_WORDS * pump_count], none),
            pump_count,
            outlets: gpu.buffer("flood outlets", &works.outlets, none),
            outlet_cells: gpu.buffer("flood outlet cells", &works.outlet_cells, none),
            drained: gpu.buffer("flood drained", &vec![0; 2 * outlet_count], none),
            outlet_count,
            works,
            soaks: !soil_kinds.is_empty(),
            soils: gpu.buffer("flood soils", &works::soils(forcing), none),
            soil_kinds: gpu.buffer("flood soil kinds", &soil_kinds, none),
        })
    }
}

impl Drive {
    const fn has_links(&self) -> bool {
        !self.works.culverts.is_empty() || !self.works.pumps.is_empty()
    }
}

/// A pipeline for each pass.
#[derive(Debug)]
pub(crate) struct Pipelines {
    module: ShaderModule,
    /// `step_tile` knows the laws of faces.
    with_laws: bool,
    set_clock: ComputePipeline,
    list_tiles: ComputePipeline,
    step_tile: ComputePipeline,
    calm: ComputePipeline,
    apply_sources: ComputePipeline,
    track_active: ComputePipeline,
    track_all: ComputePipeline,
    soak: ComputePipeline,
    rate_outlets: ComputePipeline,
    join_cells: ComputePipeline,
    drain_cells: ComputePipeline,
}

impl Pipelines {
    pub(crate) fn new(gpu: &Gpu, shape: &Shape, with_laws: bool) -> Result<Self, FloodError> {
        let text = format!(
            "const WX: u32 = {}u;\nconst WY: u32 = {}u;\nconst TRACK_EVERY: u32 = {TRACK_EVERY}u;\n{}",
            shape.wx,
            shape.wy,
            SOURCES.concat()
        );
        checked(gpu, || {
            let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some("sim_flood"),
                source: wgpu::ShaderSource::Wgsl(text.into()),
            });
            let pipeline = |entry: &str| pipeline(gpu, &module, entry, &[]);
            Self {
                with_laws,
                set_clock: pipeline("set_clock"),
                list_tiles: pipeline("list_tiles"),
                step_tile: step_tile(gpu, &module, with_laws),
                calm: pipeline("calm"),
                apply_sources: pipeline("apply_sources"),
                track_active: pipeline("track_active"),
                track_all: pipeline("track_all"),
                soak: pipeline("soak"),
                rate_outlets: pipeline("rate_outlets"),
                join_cells: pipeline("join_cells"),
                drain_cells: pipeline("drain_cells"),
                module,
            }
        })
    }

    /// Learns the laws of faces when the first appear; it does not forget them.
    fn learn_laws(&mut self, gpu: &Gpu) -> Result<(), FloodError> {
        if !self.with_laws {
            self.step_tile = checked(gpu, || step_tile(gpu, &self.module, true))?;
            self.with_laws = true;
        }
        Ok(())
    }
}

/// Runs `make`; what the graphics library refuses is an error.
fn checked<T>(gpu: &Gpu, make: impl FnOnce() -> T) -> Result<T, FloodError> {
    let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
    let made = make();
    match pollster::block_on(scope.pop()) {
        None => Ok(made),
        Some(e) => Err(gpu.failed(e)),
    }
}

fn step_tile(gpu: &Gpu, module: &ShaderModule, with_laws: bool) -> ComputePipeline {
    pipeline(gpu, module, "step_tile", &[("HAS_LAWS", f64::from(u8::from(with_laws)))])
}

fn pipeline(gpu: &Gpu, module: &ShaderModule, entry: &str, constants: &[(&str, f64)]) -> ComputePipeline {
    gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry),
        layout: None,
        module,
        entry_point: Some(entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants,
            // Every pass writes its workgroup memory before it reads it.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    })
}

/// What each pass sees, for either direction of the two states.
#[derive(Debug)]
pub(crate) struct Bindings {
    set_clock: BindGroup,
    list_tiles: BindGroup,
    step_tile: [BindGroup; 2],
    calm: [BindGroup; 2],
    apply_sources: [BindGroup; 2],
    track_active: [BindGroup; 2],
    track_all: [BindGroup; 2],
    soak: [BindGroup; 2],
    rate_outlets: [BindGroup; 2],
    join_cells: [BindGroup; 2],
    drain_cells: [BindGroup; 2],
}

impl Bindings {
    pub(crate) fn new(gpu: &Gpu, pipelines: &Pipelines, f: &Fields, d: &Drive) -> Self {
        let group = |pipeline: &ComputePipeline, buffers: &[(u32, &Buffer)]| {
            let entries: Vec<_> = buffers
                .iter()
                .map(|(binding, b)| wgpu::BindGroupEntry { binding: *binding, resource: b.as_entire_binding() })
                .collect();
            gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout: &pipeline.get_bind_group_layout(0),
                entries: &entries,
            })
        };
        let (run, clock, tiles, dispatch) = ((0, &f.params), (1, &d.clock), (2, &f.tiles), (3, &f.dispatch));
        let (ground, codes, class, laws) = ((4, &f.ground), (5, &f.face_codes), (6, &d.rain_class), (16, &d.laws));
        let (points, series, classes) = ((9, &d.points), (10, &d.series), (15, &d.classes));
        let (cells, entries, sums) = ((11, &d.source_cells), (12, &d.entries), (13, &d.exchanged));
        let (soils, kinds, used) = ((17, &d.soils), (18, &d.soil_kinds), (19, &f.soil_used));
        let (culverts, pumps, pumped) = ((20, &d.culverts), (21, &d.pumps), (22, &d.pump_states));
        let (outlets, outlet_cells, drained) = ((23, &d.outlets), (24, &d.outlet_cells), (25, &d.drained));
        let both = |make: &dyn Fn((u32, &Buffer), (u32, &Buffer)) -> BindGroup| {
            [0, 1].map(|from| make((7, &f.states[from]), (8, &f.states[1 - from])))
        };
        Self {
            set_clock: group(&pipelines.set_clock, &[run, clock, dispatch, points, series, classes]),
            list_tiles: group(&pipelines.list_tiles, &[run, clock, tiles, dispatch]),
            step_tile: both(&|state, next| {
                group(&pipelines.step_tile, &[run, clock, tiles, ground, codes, class, state, next, laws])
            }),
            calm: both(&|state, next| group(&pipelines.calm, &[run, clock, tiles, class, state, next])),
            apply_sources: both(&|_, next| {
                group(&pipelines.apply_sources, &[run, clock, tiles, next, cells, entries, sums])
            }),
            track_active: both(&|_, next| group(&pipelines.track_active, &[run, clock, tiles, next, (14, &f.tracks)])),
            track_all: both(&|state, _| group(&pipelines.track_all, &[run, clock, state, (14, &f.tracks)])),
            soak: both(&|_, next| group(&pipelines.soak, &[run, clock, tiles, next, soils, kinds, used])),
            // The depths it looks at are those of the start of the step.
            rate_outlets: both(&|(_, now), _| {
                group(&pipelines.rate_outlets, &[run, clock, (8, now), points, outlets, outlet_cells])
            }),
            join_cells: both(&|_, next| {
                group(&pipelines.join_cells, &[run, clock, tiles, next, culverts, pumps, pumped])
            }),
            drain_cells: both(&|_, next| {
                group(&pipelines.drain_cells, &[run, clock, tiles, next, points, outlets, outlet_cells, drained])
            }),
        }
    }
}

/// Everything a step needs on the device.
#[derive(Debug)]
pub(crate) struct Passes {
    pub shape: Shape,
    pub fields: Fields,
    pub drive: Drive,
    pipelines: Pipelines,
    bindings: Bindings,
}

impl Passes {
    pub(crate) fn new(gpu: &Gpu, shape: Shape, mut fields: Fields, drive: Drive) -> Result<Self, FloodError> {
        fields.make_room_for_soil(gpu, &shape, drive.soaks)?;
        let pipelines = Pipelines::new(gpu, &shape, drive.has_laws)?;
        let bindings = Bindings::new(gpu, &pipelines, &fields, &drive);
        Ok(Self { shape, fields, drive, pipelines, bindings })
    }

    /// Takes another forcing or other structures.
    pub(crate) fn set_drive(&mut self, gpu: &Gpu, drive: Drive) -> Result<(), FloodError> {
        self.fields.make_room_for_soil(gpu, &self.shape, drive.soaks)?;
        if drive.has_laws {
            self.pipelines.learn_laws(gpu)?;
        }
        self.bindings = Bindings::new(gpu, &self.pipelines, &self.fields, &drive);
        self.drive = drive;
        Ok(())
    }

    /// Makes the raster of what the ground has taken in.
    pub(crate) fn make_room_for_soil(&mut self, gpu: &Gpu) -> Result<(), FloodError> {
        self.fields.make_room_for_soil(gpu, &self.shape, true)?;
        self.bindings = Bindings::new(gpu, &self.pipelines, &self.fields, &self.drive);
        Ok(())
    }

    pub(crate) fn write_params(&self, gpu: &Gpu, params: &FloodParams, kernel: &FloodKernel, forcing: &FloodForcing) {
        gpu.write(&self.fields.params, 0, &pack::params(&self.shape, params, kernel, forcing));
    }

    /// Hands in up to `steps` steps; those after the time asked for do nothing. `from` is the state to begin with,
    /// `tick` the number of steps so far.
    pub(crate) fn submit(&self, gpu: &Gpu, steps: u64, from: usize, tick: u64) {
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        for k in 0..steps {
            self.step(&mut pass, (from + k as usize) % 2, (tick + k + 1).is_multiple_of(TRACK_EVERY));
        }
        drop(pass);
        gpu.queue.submit([encoder.finish()]);
    }

    fn step(&self, pass: &mut ComputePass<'_>, from: usize, track: bool) {
        let (p, b, dispatch) = (&self.pipelines, &self.bindings, &self.fields.dispatch);
        pass.set_pipeline(&p.set_clock);
        pass.set_bind_group(0, &b.set_clock, &[]);
        pass.dispatch_workgroups(1, 1, 1);
        pass.set_pipeline(&p.list_tiles);
        pass.set_bind_group(0, &b.list_tiles, &[]);
        pass.dispatch_workgroups(self.shape.tiles().div_ceil(64) as u32, 1, 1);
        if self.drive.works.at_edge {
            pass.set_pipeline(&p.rate_outlets);
            pass.set_bind_group(0, &b.rate_outlets[from], &[]);
            pass.dispatch_workgroups(self.drive.outlet_count as u32, 1, 1);
        }
        pass.set_pipeline(&p.step_tile);
        pass.set_bind_group(0, &b.step_tile[from], &[]);
        pass.dispatch_workgroups_indirect(dispatch, 0);
        pass.set_pipeline(&p.calm);
        pass.set_bind_group(0, &b.calm[from], &[]);
        pass.dispatch_workgroups_indirect(dispatch, CALM_AT);
        if self.drive.source_count > 0 {
            let [x, y] = folded(self.drive.source_count);
            pass.set_pipeline(&p.apply_sources);
            pass.set_bind_group(0, &b.apply_sources[from], &[]);
            pass.dispatch_workgroups(x, y, 1);
        }
        if self.drive.soaks {
            pass.set_pipeline(&p.soak);
            pass.set_bind_group(0, &b.soak[from], &[]);
            pass.dispatch_workgroups_indirect(dispatch, SOAK_AT);
        }
        if track {
            pass.set_pipeline(&p.track_active);
            pass.set_bind_group(0, &b.track_active[from], &[]);
            pass.dispatch_workgroups_indirect(dispatch, 0);
        }
        if self.drive.has_links() {
            pass.set_pipeline(&p.join_cells);
            pass.set_bind_group(0, &b.join_cells[from], &[]);
            pass.dispatch_workgroups(1, 1, 1);
        }
        if self.drive.works.inside {
            pass.set_pipeline(&p.drain_cells);
            pass.set_bind_group(0, &b.drain_cells[from], &[]);
            pass.dispatch_workgroups(1, 1, 1);
        }
    }

    /// Tracks the extremes of all cells of state `at`.
    pub(crate) fn track_all(&self, gpu: &Gpu, at: usize) {
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        let [x, y] = folded(self.shape.grid.cell_count());
        pass.set_pipeline(&self.pipelines.track_all);
        pass.set_bind_group(0, &self.bindings.track_all[at], &[]);
        pass.dispatch_workgroups(x, y, 1);
        drop(pass);
        gpu.queue.submit([encoder.finish()]);
    }
}

/// Workgroups of 64 for `n` things, folded so that no side exceeds what every device offers.
fn folded(n: usize) -> [u32; 2] {
    let groups = n.div_ceil(64);
    let rows = groups.div_ceil(32_768).max(1);
    [groups.div_ceil(rows) as u32, rows as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_dispatch_reaches_everything_within_the_limits() {
        for n in [1, 64, 65, 1_000_000, crate::MAX_CELLS] {
            let [x, y] = folded(n).map(|side| side as usize);
            assert!(64 * x * y >= n && 64 * (x * y) < n + 64 * (y + 1) && x <= 65_535 && y <= 65_535, "{n}: {x} x {y}");
        }
    }
}
