// Discharges and imposed levels after the step, and the tracked extremes. As `pass::apply_sources` and `tile::track`.

/// A cell with sources: entries in order, discharges before levels.
struct SourceCell {
    cell: u32,
    tile: u32,
    first: u32,
    count: u32,
}

struct Entry {
    /// Slot in `clock.now`: inflows before stages.
    slot: u32,
    /// Bed relative to the datum, metres.
    bed: f32,
}

@group(0) @binding(11) var<storage, read> source_cells: array<SourceCell>;
@group(0) @binding(12) var<storage, read> entries: array<Entry>;
/// Per source cell two values of two pairs, metres: what discharges added and took, what levels added and took.
@group(0) @binding(13) var<storage, read_write> exchanged: array<vec4<f32>>;
/// Greatest depth of all cells, then greatest depth x speed, then time of first wetting.
@group(0) @binding(14) var<storage, read_write> tracks: array<f32>;

fn book(at: u32, added: f32) {
    let sums = exchanged[at];
    if added >= 0.0 {
        exchanged[at] = vec4(pair_add(sums.xy, added), sums.zw);
    } else {
        exchanged[at] = vec4(sums.xy, pair_add(sums.zw, -added));
    }
}

/// Adds a discharge to a cell: momentum is kept, velocity diluted; a directed one brings momentum of its own, at most
/// at the critical velocity.
fn discharge(k: u32, c: vec4<f32>, now: vec4<f32>) -> vec4<f32> {
    let before = c.x - c.w;
    let change = now.x - c.w;
    let sum = two_sum(c.x, change);
    if sum.x <= 0.0 {
        book(2u * k, -before);
        return vec4(0.0);
    }
    book(2u * k, now.x);
    let after = sum.x;
    var velocity = c.yz * select(1.0, before / after, now.x > 0.0);
    if after <= p.dry {
        velocity = vec2(0.0);
    } else if now.x > 0.0 && (now.y != 0.0 || now.z != 0.0) {
        let critical = sqrt(p.g * after);
        let wanted = length(now.yz) / after;
        let share = now.x / after * select(1.0, critical / wanted, wanted > critical);
        velocity += share * now.yz / after;
    }
    // The carry is what rounding added: depth there is `x - w`.
    return vec4(after, velocity, -sum.y);
}

/// Sets the level of a cell; velocity is kept.
fn impose(k: u32, c: vec4<f32>, level: f32, bed: f32) -> vec4<f32> {
    let depth = max(0.0, level - bed);
    book(2u * k + 1u, (depth - c.x) + c.w);
    return vec4(depth, select(vec2(0.0), c.yz, depth > p.dry), 0.0);
}

@compute @workgroup_size(64)
fn apply_sources(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let k = id.y * groups.x * 64u + id.x;
    if k >= p.n_sources || clock.phase != RUNNING {
        return;
    }
    let source = source_cells[k];
    var c = next[source.cell];
    var speed = 0.0;
    for (var e = source.first; e < source.first + source.count; e++) {
        let entry = entries[e];
        let now = clock.now[entry.slot];
        if entry.slot < p.n_inflows {
            c = discharge(k, c, now);
        } else {
            c = impose(k, c, now.x, entry.bed);
        }
        speed = max(speed, max(abs(c.y), abs(c.z)) + sqrt(p.g * c.x));
    }
    next[source.cell] = c;
    atomicMax(&clock.speed, bitcast<u32>(speed));
    if c.x > p.dry {
        atomicOr(&tiles[source.tile].wet, WET_ALL);
    }
}

fn track(cell: u32, c: vec4<f32>) {
    let n = p.nx * p.ny;
    if c.x > tracks[cell] {
        tracks[cell] = c.x;
    }
    let hazard = c.x * sqrt(c.y * c.y + c.z * c.z);
    if hazard > tracks[n + cell] {
        tracks[n + cell] = hazard;
    }
    if c.x > p.wet_depth && clock.t.x < tracks[2u * n + cell] {
        tracks[2u * n + cell] = clock.t.x;
    }
}

/// Extremes of the active tiles, after a step.
@compute @workgroup_size(WX, WY)
fn track_active(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let k = group.y * DISPATCH_ROW + group.x;
    if k >= atomicLoad(&clock.jobs) || clock.phase != RUNNING {
        return;
    }
    let tile = tiles[k].job;
    let i = (tile % p.tiles_x) * TW + local.x;
    let j = (tile / p.tiles_x) * TH + local.y;
    if local.x < TW && local.y < TH && i < p.nx && j < p.ny {
        let cell = j * p.nx + i;
        track(cell, next[cell]);
    }
}

/// Extremes of all cells, at the times asked for.
@compute @workgroup_size(64)
fn track_all(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let cell = id.y * groups.x * 64u + id.x;
    if cell < p.nx * p.ny {
        track(cell, state[cell]);
    }
}
