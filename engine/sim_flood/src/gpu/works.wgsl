// Works that take water from cell to cell or out: culverts, pumps, outlets. As `links.rs`: after the cells of a step, one after another
// in one thread, so that the order is that of the CPU. Depths count from the bed of the cell; the host has put levels in relation.

const NONE: u32 = 0xffffffffu;

struct Culvert {
    cells: vec2<u32>,
    tiles: vec2<u32>,
    /// Bed of each end above its invert, m.
    above: vec2<f32>,
    /// Bed of end 1 above that of end 0, m.
    rise: f32,
    /// Barrels times the share that is open.
    multiple: f32,
    /// Inlet control, free and full: factor and power of the head.
    free: vec2<f32>,
    full: vec2<f32>,
    /// Critical depth: factor and power of the discharge.
    critical: vec2<f32>,
    is_pipe: u32,
    /// Box: width. Pipe: diameter. m.
    width: f32,
    height: f32,
    losses: f32,
    /// 2 g n^2 length.
    friction: f32,
    spare: u32,
}

struct Pump {
    /// Cell and tile it takes from, then those it gives to (`NONE`: out of the domain).
    from_cell: u32,
    from_tile: u32,
    to_cell: u32,
    to_tile: u32,
    /// Depths at which it starts and stops, m.
    start: f32,
    stop: f32,
    /// Depth it takes, m/s.
    rate: f32,
    /// 1: a building stands at an end.
    shut: u32,
}

/// What a pump does: whether it runs; depth pumped out of the domain, m, as a pair.
struct PumpState {
    on: u32,
    spare: u32,
    out: vec2<f32>,
}

struct Outlet {
    first: u32,
    count: u32,
    /// Rating curve in `points`, level (pair) and discharge; none for the normal depth.
    curve: u32,
    curve_count: u32,
}

struct OutletCell {
    cell: u32,
    tile: u32,
    bed: f32,
    /// Normal depth: discharge, m3/s, per depth^(5/3). Rating: 1. 0 in a building.
    weight: f32,
    /// Law of the edge it leaves over; `NONE` for a cell inside.
    law: u32,
    spare_a: u32,
    spare_b: u32,
    spare_c: u32,
}

@group(0) @binding(20) var<storage, read> culverts: array<Culvert>;
@group(0) @binding(21) var<storage, read> pumps: array<Pump>;
@group(0) @binding(22) var<storage, read_write> pump_states: array<PumpState>;
@group(0) @binding(23) var<storage, read> outlets: array<Outlet>;
@group(0) @binding(24) var<storage, read> outlet_cells: array<OutletCell>;
/// Per outlet: depth that left from cells inside, m, as a pair.
@group(0) @binding(25) var<storage, read_write> drained: array<vec2<f32>>;

fn depth_of(cell: u32) -> f32 {
    let c = next[cell];
    return c.x - c.w;
}

/// Adds a depth to a cell or takes up to that (negative); returns what was added. As `FloodStateOf::shift`.
fn shift(cell: u32, tile: u32, depth: f32) -> f32 {
    let c = next[cell];
    let before = c.x - c.w;
    let sum = two_sum(c.x, depth - c.w);
    var after = vec4(0.0);
    var added = -before;
    if sum.x > 0.0 {
        var keep = select(1.0, before / sum.x, depth > 0.0);
        keep = select(0.0, keep, sum.x > p.dry);
        after = vec4(sum.x, c.yz * keep, -sum.y);
        added = depth;
    }
    next[cell] = after;
    tiles[tile].settled = 0u;
    if after.x > p.dry {
        // Every side counts as wet until the tile's next step looks again.
        atomicOr(&tiles[tile].wet, WET_ALL);
    }
    atomicMax(&clock.speed, bitcast<u32>(max(abs(after.y), abs(after.z)) + sqrt(p.g * after.x)));
    return added;
}

/// Depth, area and wetted perimeter of a barrel's section at a depth.
fn section_at(c: Culvert, depth: f32) -> vec3<f32> {
    let d = min(depth, c.height);
    if c.is_pipe == 0u {
        return vec3(d, c.width * d, c.width + 2.0 * d + select(0.0, c.width, depth >= c.height));
    }
    let angle = 4.0 * atan2(sqrt(max(0.0, d)), sqrt(max(0.0, c.width - d)));
    let a2 = angle * angle;
    // angle - sin(angle), of small angles by its series.
    let slice = select(angle - sin(angle), angle * a2 * (1.0 / 6.0) * (1.0 - a2 * 0.05 * (1.0 - a2 * (1.0 / 42.0))), angle < 1.0);
    return vec3(d, c.width * c.width * 0.125 * slice, 0.5 * c.width * angle);
}

/// Discharge of all barrels, m3/s: `head` above the invert before it, `tail` above that behind it, `level` of the water before it
/// above the invert behind it.
fn culvert_discharge(c: Culvert, head: f32, tail: f32, level: f32) -> f32 {
    if head <= 0.0 || c.multiple <= 0.0 {
        return 0.0;
    }
    let inlet = min(c.free.x * pow(head, c.free.y), c.full.x * pow(head, c.full.y));
    let critical = min(c.height, c.critical.x * pow(inlet, c.critical.y));
    let section = section_at(c, max(critical, tail));
    let drop = level - max(tail, section.x);
    if drop <= 0.0 || section.y <= 0.0 {
        return 0.0;
    }
    let friction = c.friction * pow(section.y / section.z, -4.0 / 3.0);
    return min(inlet, section.y * sqrt(2.0 * p.g * drop / (c.losses + friction))) * c.multiple;
}

fn pass_culvert(c: Culvert) {
    let depths = vec2(depth_of(c.cells.x), depth_of(c.cells.y));
    // Level of end 0 above that of end 1.
    let slope = (depths.x - depths.y) - c.rise;
    let first_up = slope >= 0.0;
    let up = select(depths.y, depths.x, first_up);
    if up <= p.dry {
        return;
    }
    let above_up = select(c.above.y, c.above.x, first_up);
    let above_down = select(c.above.x, c.above.y, first_up);
    let tail = select(depths.x, depths.y, first_up) + above_down;
    let q = culvert_discharge(c, up + above_up, tail, tail + abs(slope));
    // Half of what would level both cells: the flow cannot turn within a step.
    let wanted = min(q * clock.dt / (p.dx * p.dx), 0.5 * abs(slope));
    if wanted <= 0.0 {
        return;
    }
    if first_up {
        let taken = -shift(c.cells.x, c.tiles.x, -wanted);
        _ = shift(c.cells.y, c.tiles.y, taken);
    } else {
        let taken = -shift(c.cells.y, c.tiles.y, -wanted);
        _ = shift(c.cells.x, c.tiles.x, taken);
    }
}

fn run_pump(k: u32) {
    let pump = pumps[k];
    let depth = depth_of(pump.from_cell);
    let on = depth > pump.stop && (pump_states[k].on != 0u || depth >= pump.start);
    pump_states[k].on = select(0u, 1u, on);
    if !on || pump.shut != 0u {
        return;
    }
    let taken = -shift(pump.from_cell, pump.from_tile, -min(pump.rate * clock.dt, depth - pump.stop));
    if pump.to_cell == NONE {
        pump_states[k].out = pair_add(pump_states[k].out, taken);
    } else {
        _ = shift(pump.to_cell, pump.to_tile, taken);
    }
}

@compute @workgroup_size(1)
fn join_cells() {
    if clock.phase != RUNNING {
        return;
    }
    for (var k = 0u; k < p.n_culverts; k++) {
        pass_culvert(culverts[k]);
    }
    for (var k = 0u; k < p.n_pumps; k++) {
        run_pump(k);
    }
}

/// Depth^(5/3).
fn conveyance(c: OutletCell) -> f32 {
    let h = max(0.0, depth_of(c.cell));
    return h * h * inv_cbrt(h);
}

/// Discharge of a rating curve at a level relative to the datum, m3/s.
fn rated(o: Outlet, level: f32) -> f32 {
    var low = 0u;
    var high = o.curve_count;
    while low < high {
        let mid = (low + high) / 2u;
        if (points[o.curve + mid].x - level) + points[o.curve + mid].y <= 0.0 { low = mid + 1u; } else { high = mid; }
    }
    if low == 0u {
        return points[o.curve].z;
    }
    let a = points[o.curve + low - 1u];
    if low == o.curve_count {
        return a.z;
    }
    let b = points[o.curve + low];
    return a.z + (b.z - a.z) * (((level - a.x) - a.y) / ((b.x - a.x) + (b.y - a.y)));
}

/// Every `stride`th cell's share of the conveyance, and of conveyance times level.
fn conveyances(o: Outlet, start: u32, stride: u32) -> vec2<f32> {
    var sum = vec2(0.0);
    for (var k = start; k < o.count; k += stride) {
        let c = outlet_cells[o.first + k];
        let w = select(0.0, conveyance(c), c.weight > 0.0);
        sum += vec2(w, w * (c.bed + max(0.0, depth_of(c.cell))));
    }
    return sum;
}

/// Discharge of an outlet, m3/s, per weighted conveyance.
fn outlet_share(o: Outlet, sums: vec2<f32>) -> f32 {
    if o.curve_count == 0u {
        return 1.0;
    }
    if sums.x <= 0.0 {
        return 0.0;
    }
    return rated(o, sums.y / sums.x) / sums.x;
}

var<workgroup> outlet_sums: array<vec2<f32>, 64>;

/// Discharge over each edge face of an outlet, m2/s, from the depths at the start of the step, which are bound as `next` here.
@compute @workgroup_size(64)
fn rate_outlets(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let o = outlets[group.x];
    outlet_sums[thread] = conveyances(o, thread, 64u);
    workgroupBarrier();
    var sums = vec2(0.0);
    for (var k = 0u; k < 64u; k++) {
        sums += outlet_sums[k];
    }
    let share = outlet_share(o, sums);
    for (var k = thread; k < o.count; k += 64u) {
        let c = outlet_cells[o.first + k];
        if c.law != NONE {
            clock.now[law_slot(c.law)].x = conveyance(c) * c.weight * share / p.dx;
        }
    }
}

/// Cells inside from which outlets take water.
@compute @workgroup_size(1)
fn drain_cells() {
    if clock.phase != RUNNING {
        return;
    }
    for (var k = 0u; k < p.n_outlets; k++) {
        let o = outlets[k];
        let share = outlet_share(o, conveyances(o, 0u, 1u));
        for (var i = o.first; i < o.first + o.count; i++) {
            let c = outlet_cells[i];
            if c.law == NONE && c.weight > 0.0 {
                let wanted = conveyance(c) * c.weight * share * clock.dt / (p.dx * p.dx);
                drained[k] = pair_add(drained[k], -shift(c.cell, c.tile, -wanted));
            }
        }
    }
}
