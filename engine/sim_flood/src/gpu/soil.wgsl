// What the ground takes in, in every fourth step and in the last before a time asked for. As `soil.rs` and `pass::infiltrate`.

/// `Soil.law`.
const SEALED: u32 = 0u;
const GREEN_AMPT: u32 = 1u;
const HORTON: u32 = 2u;
const INITIAL_CONTINUING: u32 = 3u;

/// A kind of ground, SI units.
struct Soil {
    law: u32,
    /// Green-Ampt: conductivity, suction times deficit. Horton: capacity beyond the end, at the end, half the decay.
    /// Initial and continuing loss: depth, rate.
    a: f32,
    b: f32,
    c: f32,
}

@group(0) @binding(17) var<storage, read> soils: array<Soil>;
/// Kind of each cell, four in a word.
@group(0) @binding(18) var<storage, read> soil_kinds: array<u32>;
/// Per cell: depth taken in, m (Green-Ampt, initial loss); capacity lost, m/s (Horton).
@group(0) @binding(19) var<storage, read_write> soil_used: array<f32>;

/// Depth taken of the `water` there, and `used` afterwards.
fn take_in(soil: Soil, water: f32, used: f32, dt: f32) -> vec2<f32> {
    if soil.law == GREEN_AMPT {
        // x = K dt (1 + S / (F + x / 2)), solved for x without cancellation.
        let k_dt = soil.a * dt;
        let b = 2.0 * used - k_dt;
        let c = 2.0 * k_dt * (used + soil.b);
        let root = sqrt(b * b + 4.0 * c);
        let capacity = select(0.5 * (root - b), 2.0 * c / (b + root), b > 0.0);
        let taken = min(max(0.0, capacity), water);
        return vec2(taken, used + taken);
    }
    if soil.law == HORTON {
        let excess = soil.a - used;
        let half_decay = soil.c * dt;
        let capacity = soil.b * dt + excess * dt / (1.0 + half_decay);
        let taken = min(capacity, water);
        let a = half_decay * select(0.0, taken / capacity, capacity > 0.0);
        return vec2(taken, used + excess * (2.0 * a / (1.0 + a)));
    }
    if soil.law == INITIAL_CONTINUING {
        let first = min(max(0.0, soil.a - used), water);
        return vec2(first + min(soil.b * dt, water - first), used + first);
    }
    return vec2(0.0, used);
}

var<workgroup> soaked: array<f32, THREADS>;
var<workgroup> soak_tile: u32;
/// Wet parts of the tile, and whether it holds any water.
var<workgroup> soak_wet: atomic<u32>;
const ANY_WATER: u32 = 32u;

/// Takes from one cell; returns the depth taken.
fn soak_cell(cell: u32) -> f32 {
    let c = next[cell];
    if c.x <= 0.0 {
        return 0.0;
    }
    let kind = (soil_kinds[cell / 4u] >> (8u * (cell % 4u))) & 255u;
    let water = c.x - c.w;
    let took = take_in(soils[kind], water, soil_used[cell], clock.soil_dt);
    soil_used[cell] = took.y;
    if took.x <= 0.0 {
        return 0.0;
    }
    // As in `advance_cell`; the last drop goes whole.
    let change = fence(-(took.x + c.w));
    let after = fence(c.x + change);
    if took.x >= water || after <= 0.0 {
        next[cell] = vec4(0.0);
        return water;
    }
    next[cell] = vec4(after, select(vec2(0.0), c.yz, after > p.dry), fence(after - c.x) - change);
    return took.x;
}

@compute @workgroup_size(WX, WY)
fn soak(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) thread: u32) {
    if thread == 0u {
        let k = group.y * DISPATCH_ROW + group.x;
        soak_tile = MIXED;
        if k < p.tiles {
            if (tiles[k].traits & PERVIOUS) != 0u && tiles[k].settled != DRIED {
                soak_tile = k;
            }
        }
        atomicStore(&soak_wet, 0u);
    }
    let tile = workgroupUniformLoad(&soak_tile);
    if tile == MIXED {
        return;
    }
    let i = (tile % p.tiles_x) * TW + local.x;
    let j = (tile / p.tiles_x) * TH + local.y;
    var taken = 0.0;
    if local.x < TW && local.y < TH && i < p.nx && j < p.ny {
        let cell = j * p.nx + i;
        taken = soak_cell(cell);
        let depth = next[cell].x;
        var wet = select(0u, ANY_WATER, depth > 0.0);
        if depth > p.dry {
            wet |= WET_ANY;
            wet |= select(0u, WET_WEST, local.x == 0u);
            wet |= select(0u, WET_EAST, local.x == TW - 1u);
            wet |= select(0u, WET_SOUTH, local.y == 0u);
            wet |= select(0u, WET_NORTH, local.y == TH - 1u);
        }
        atomicOr(&soak_wet, wet);
    }
    soaked[thread] = taken;
    workgroupBarrier();
    if local.y == 0u {
        for (var k = 1u; k < WY; k++) {
            taken += soaked[k * WX + local.x];
        }
        soaked[thread] = taken;
    }
    workgroupBarrier();
    if thread == 0u {
        var sum = vec2(0.0);
        for (var k = 0u; k < WX; k++) {
            sum = pair_add(sum, soaked[k]);
        }
        let wet = atomicLoad(&soak_wet);
        atomicStore(&tiles[tile].wet, wet & WET_ALL);
        if sum.x != 0.0 {
            tiles[tile].soaked = pair_add(pair_add(tiles[tile].soaked, sum.x), sum.y);
            tiles[tile].settled = 0u;
        } else if wet == 0u && tiles[tile].settled != 0u {
            tiles[tile].settled = DRIED;
        }
    }
}
