//! Pipelines, what each of them sees, and the order of a step.

use wgpu::{BindGroup, Buffer, BufferUsages, ComputePass, ComputePipeline};

use super::device::Gpu;
use super::pack::{self, HEAD_WORDS, SLOT_WORDS, Shape, TILE_WORDS};
use crate::{FloodError, FloodForcing, FloodKernel, FloodParams};

/// Extremes are tracked in every fourth step, as on the CPU.
const TRACK_EVERY: u64 = crate::kernel::TRACK_EVERY;

const SOURCES: [&str; 6] = [
    include_str!("common.wgsl"),
    include_str!("clock.wgsl"),
    include_str!("tiles.wgsl"),
    include_str!("scheme.wgsl"),
    include_str!("step.wgsl"),
    include_str!("sources.wgsl"),
];

/// Position of the calm tiles' workgroup counts among the dispatches, bytes.
const CALM_AT: u64 = 12;

/// Buffers that live as long as the run.
#[derive(Debug)]
pub(crate) struct Fields {
    pub params: Buffer,
    pub ground: Buffer,
    pub crests: Buffer,
    pub tiles: Buffer,
    pub dispatch: Buffer,
    pub states: [Buffer; 2],
    pub tracks: Buffer,
    pub status: Buffer,
}

impl Fields {
    pub(crate) fn new(gpu: &Gpu, shape: &Shape, kernel: &FloodKernel) -> Result<Self, FloodError> {
        let cells = shape.grid.cell_count();
        gpu.check_size("the state", 16 * cells as u64)?;
        gpu.check_size("the tiles", 4 * (TILE_WORDS * shape.tiles()) as u64)?;
        let ground = pack::ground(kernel, &shape.grid);
        let crests = pack::crests(kernel, &shape.grid);
        gpu.check_size("the crests", 4 * crests.len() as u64)?;
        gpu.guarded(|| Self {
            params: gpu.buffer("flood params", &[0; 24], BufferUsages::UNIFORM),
            ground: gpu.buffer("flood ground", &ground, BufferUsages::empty()),
            crests: gpu.buffer("flood crests", &crests, BufferUsages::empty()),
            tiles: gpu.zeros("flood tiles", TILE_WORDS * shape.tiles()),
            dispatch: gpu.buffer("flood dispatch", &[0, 1, 1, 0, 1, 1], BufferUsages::INDIRECT),
            states: ["flood state a", "flood state b"].map(|label| gpu.zeros(label, 4 * cells)),
            tracks: gpu.zeros("flood tracks", 3 * cells),
            status: gpu.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("flood status"),
                size: 4 * HEAD_WORDS as u64,
                usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
        })
    }
}

/// Buffers made from the forcing.
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
}

impl Drive {
    pub(crate) fn new(
        gpu: &Gpu,
        shape: &Shape,
        kernel: &FloodKernel,
        forcing: &FloodForcing,
        rain_class: &[u32],
    ) -> Result<Self, FloodError> {
        let class_slot = forcing.forcing().inflows.len() + forcing.forcing().stages.len();
        let clock_words = HEAD_WORDS + SLOT_WORDS * (class_slot + forcing.rain_classes.len()).max(1);
        let (points, series) = pack::series(&shape.grid, kernel, forcing);
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
        })
    }
}

/// A pipeline for each pass.
#[derive(Debug)]
pub(crate) struct Pipelines {
    set_clock: ComputePipeline,
    list_tiles: ComputePipeline,
    step_tile: ComputePipeline,
    calm: ComputePipeline,
    apply_sources: ComputePipeline,
    track_active: ComputePipeline,
    track_all: ComputePipeline,
}

impl Pipelines {
    pub(crate) fn new(gpu: &Gpu, shape: &Shape) -> Result<Self, FloodError> {
        let text = format!("const WX: u32 = {}u;\nconst WY: u32 = {}u;\n{}", shape.wx, shape.wy, SOURCES.concat());
        let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("sim_flood"),
            source: wgpu::ShaderSource::Wgsl(text.into()),
        });
        let pipeline = |entry: &str| {
            gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(entry),
                layout: None,
                module: &module,
                entry_point: Some(entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    // Every pass writes its workgroup memory before it reads it.
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: None,
            })
        };
        let made = Self {
            set_clock: pipeline("set_clock"),
            list_tiles: pipeline("list_tiles"),
            step_tile: pipeline("step_tile"),
            calm: pipeline("calm"),
            apply_sources: pipeline("apply_sources"),
            track_active: pipeline("track_active"),
            track_all: pipeline("track_all"),
        };
        match pollster::block_on(scope.pop()) {
            None => Ok(made),
            Some(e) => Err(gpu.failed(e)),
        }
    }
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
        let (ground, crests, class) = ((4, &f.ground), (5, &f.crests), (6, &d.rain_class));
        let (points, series, classes) = ((9, &d.points), (10, &d.series), (15, &d.classes));
        let (cells, entries, sums) = ((11, &d.source_cells), (12, &d.entries), (13, &d.exchanged));
        let both = |make: &dyn Fn((u32, &Buffer), (u32, &Buffer)) -> BindGroup| {
            [0, 1].map(|from| make((7, &f.states[from]), (8, &f.states[1 - from])))
        };
        Self {
            set_clock: group(&pipelines.set_clock, &[run, clock, dispatch, points, series, classes]),
            list_tiles: group(&pipelines.list_tiles, &[run, clock, tiles, dispatch]),
            step_tile: both(&|state, next| {
                group(&pipelines.step_tile, &[run, clock, tiles, ground, crests, class, state, next])
            }),
            calm: both(&|state, next| group(&pipelines.calm, &[run, clock, tiles, class, state, next])),
            apply_sources: both(&|_, next| {
                group(&pipelines.apply_sources, &[run, clock, tiles, next, cells, entries, sums])
            }),
            track_active: both(&|_, next| group(&pipelines.track_active, &[run, clock, tiles, next, (14, &f.tracks)])),
            track_all: both(&|state, _| group(&pipelines.track_all, &[run, clock, state, (14, &f.tracks)])),
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
    pub(crate) fn new(gpu: &Gpu, shape: Shape, fields: Fields, drive: Drive) -> Result<Self, FloodError> {
        let pipelines = Pipelines::new(gpu, &shape)?;
        let bindings = Bindings::new(gpu, &pipelines, &fields, &drive);
        Ok(Self { shape, fields, drive, pipelines, bindings })
    }

    /// Takes another forcing.
    pub(crate) fn set_drive(&mut self, gpu: &Gpu, drive: Drive) {
        self.bindings = Bindings::new(gpu, &self.pipelines, &self.fields, &drive);
        self.drive = drive;
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
        if track {
            pass.set_pipeline(&p.track_active);
            pass.set_bind_group(0, &b.track_active[from], &[]);
            pass.dispatch_workgroups_indirect(dispatch, 0);
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
