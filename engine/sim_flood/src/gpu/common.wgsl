// What every pass shares: buffers, numbers of the run and of the step, sums that rounding and optimisers cannot spoil.
// The host prepends `WX` and `WY`, the threads of a workgroup (a tile has four fewer cells each way), and `TRACK_EVERY`.

const TW: u32 = WX - 4u;
const TH: u32 = WY - 4u;
const THREADS: u32 = WX * WY;

/// Crest of a face without a wall; anything higher is one.
const NO_CREST: f32 = -1e30;
/// Tiles per row of an indirect dispatch (65535 is the most a device must offer).
const DISPATCH_ROW: u32 = 32768u;
/// `Tile.rain_class` of a tile whose cells differ.
const MIXED: u32 = 0xffffffffu;
/// `Tile.traits`.
const WALLED: u32 = 1u;
const HAS_SOURCE: u32 = 2u;
const PERVIOUS: u32 = 4u;
/// `Tile.settled`.
const DRIED: u32 = 2u;
/// `Tile.wet`: parts of a tile with water deeper than the dry depth.
const WET_ANY: u32 = 1u;
const WET_WEST: u32 = 2u;
const WET_EAST: u32 = 4u;
const WET_SOUTH: u32 = 8u;
const WET_NORTH: u32 = 16u;
const WET_ALL: u32 = 31u;
/// `Clock.phase`.
const REACHED: u32 = 0u;
const RUNNING: u32 = 1u;
const TOO_SMALL: u32 = 2u;

/// Numbers of the run.
struct Params {
    nx: u32,
    ny: u32,
    tiles_x: u32,
    tiles: u32,
    g: f32,
    dry: f32,
    /// Cells at or below this depth are piecewise constant.
    thin: f32,
    theta: f32,
    /// 1/2 for the second order, 0 for the first.
    half_slope: f32,
    wet_depth: f32,
    /// Courant number times cell size, metres.
    reach: f32,
    max_dt: f32,
    min_dt: f32,
    dx: f32,
    open_edges: u32,
    rough: u32,
    n_rain: u32,
    n_inflows: u32,
    n_stages: u32,
    n_classes: u32,
    n_sources: u32,
    /// 0, which the compiler cannot know; see `fence`.
    zero: u32,
    n_laws: u32,
    n_outlets: u32,
    n_culverts: u32,
    n_pumps: u32,
    /// 1: some ground takes in water.
    soaks: u32,
    spare: u32,
}

/// Time and the values of the step. Times are pairs (nearest f32, rest): 48 bits.
struct Clock {
    t: vec2<f32>,
    until: vec2<f32>,
    dt: f32,
    /// dt / dx.
    lam: f32,
    phase: u32,
    raining: u32,
    /// Bits of the fastest wave, m/s: positive floats order as integers do, so `atomicMax` is exact and order-free.
    speed: atomic<u32>,
    jobs: atomic<u32>,
    calm_jobs: atomic<u32>,
    /// Cells of the active tiles of this step.
    cells: atomic<u32>,
    steps: u32,
    /// Cells of the steps before this one.
    cells_lo: u32,
    cells_hi: u32,
    least_dt: f32,
    most_dt: f32,
    /// 1: this step ends at `until`.
    is_last: u32,
    /// Steps of the run before those counted in `steps`.
    ticks: u32,
    /// Time since the ground last took in water, s.
    soil_wait: f32,
    /// Time for which the ground takes in water in this step, s; 0 in a step in which it waits.
    soil_dt: f32,
    spare_a: u32,
    spare_b: u32,
    spare_c: u32,
    /// Per inflow: depth (m), discharge per width eastwards and northwards (m2/s). Then per stage: level (m). Then per
    /// rain class: depth (m), sum of all steps as a pair (m). Then per law of faces: crest (m), opening (m) or discharge (m2/s).
    now: array<vec4<f32>>,
}

struct Tile {
    rain_class: u32,
    traits: u32,
    wet: atomic<u32>,
    /// 1: both states hold the same values. 2: and no water.
    settled: u32,
    /// Not of this tile: the k-th active tile, the k-th calm tile.
    job: u32,
    calm_job: u32,
    /// Depth added by setting negative rounding to zero, summed over cells and steps, m, as a pair.
    lost: vec2<f32>,
    /// Depth that left over open edges, likewise.
    edge: vec2<f32>,
    /// Depth that the ground took in, likewise.
    soaked: vec2<f32>,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> clock: Clock;
@group(0) @binding(2) var<storage, read_write> tiles: array<Tile>;
/// Workgroups of the active tiles, of the calm tiles, of all tiles when the ground takes in water: 3 numbers each.
@group(0) @binding(3) var<storage, read_write> dispatch: array<atomic<u32>, 9>;
/// Bed relative to the datum (m), Manning n squared.
@group(0) @binding(4) var<storage, read> ground: array<vec2<f32>>;
/// Codes of the west and the south face (see `laws.wgsl`), nx + 1 by ny + 1.
@group(0) @binding(5) var<storage, read> face_codes: array<vec2<u32>>;
@group(0) @binding(6) var<storage, read> rain_classes: array<u32>;
/// Per cell: depth (m), velocity east, velocity north (m/s), rounding carried (m).
@group(0) @binding(7) var<storage, read> state: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> next: array<vec4<f32>>;

/// The value itself. Keeps compilers, which may reorder sums of floats (WGSL, "Reassociation and Fusion"), from
/// seeing that `(a + b) - a` is `b`.
fn fence(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) ^ p.zero);
}

/// Sum and its rounding error (Knuth, TAOCP 2, 4.2.2, theorem B).
fn two_sum(a: f32, b: f32) -> vec2<f32> {
    let s = fence(a + b);
    let b1 = fence(s - a);
    let a1 = fence(s - b1);
    return vec2(s, fence(a - a1) + fence(b - b1));
}

/// Adds to a pair.
fn pair_add(sum: vec2<f32>, x: f32) -> vec2<f32> {
    let s = two_sum(sum.x, x);
    let low = s.y + sum.y;
    let high = fence(s.x + low);
    return vec2(high, low - fence(high - s.x));
}

/// Difference of two pairs, rounded.
fn pair_minus(a: vec2<f32>, b: vec2<f32>) -> f32 {
    return fence(a.x - b.x) + fence(a.y - b.y);
}

/// Infinite or NaN, whatever the compiler assumes about such values.
fn broken(x: f32) -> bool {
    return (bitcast<u32>(fence(x)) & 0x7f800000u) == 0x7f800000u;
}

/// Where the values of rain classes begin in `clock.now`.
fn class_slot(class_id: u32) -> u32 {
    return p.n_inflows + p.n_stages + class_id;
}

/// Where the value of a law of faces is in `clock.now`.
fn law_slot(law_id: u32) -> u32 {
    return p.n_inflows + p.n_stages + p.n_classes + law_id;
}

/// Rain depth of a cell in this step, metres.
fn rain_on(tile: u32, cell: u32) -> f32 {
    if clock.raining == 0u {
        return 0.0;
    }
    var class_id = tiles[tile].rain_class;
    if class_id == MIXED {
        class_id = rain_classes[cell];
    }
    return clock.now[class_slot(class_id)].x;
}
