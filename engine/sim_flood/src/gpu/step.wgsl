// One step of one tile, fused: a workgroup loads its tile with a halo of three cells, every thread reconstructs one
// cell (two around the tile), computes its west and south face, what its cell can pay for (one around the tile), and
// updates it. Halo cells are computed again by their own tile: the same numbers, since the same code sees the same
// values. So nothing but the state goes through memory. As `tile.rs`.

const SX: u32 = WX + 2u;
const SY: u32 = WY + 2u;

/// Depth, velocities, bed. After the faces are done: mass, momentum to the low side and transverse flux of south faces.
var<workgroup> held: array<vec4<f32>, SX * SY>;
/// What a thread hands to its neighbours, in turn: the state at east faces, at north faces, mass fluxes, west faces.
var<workgroup> handed: array<vec4<f32>, WX * WY>;
/// Share of its outflow each cell can pay for.
var<workgroup> shares: array<f32, WX * WY>;
var<workgroup> this_tile: u32;
var<workgroup> wet_parts: atomic<u32>;
var<workgroup> fastest: atomic<u32>;

/// Columns and rows around the raster: the nearest cell's state at open edges, none at closed ones; the ground goes on.
fn load_cell(x: i32, y: i32) -> vec4<f32> {
    let i = clamp(x, 0, i32(p.nx) - 1);
    let j = clamp(y, 0, i32(p.ny) - 1);
    let cell = u32(j) * p.nx + u32(i);
    let outside = i != x || j != y;
    let c = state[cell];
    let bed = ground[cell].x;
    if outside && p.open_edges == 0u {
        return vec4(0.0, 0.0, 0.0, bed);
    }
    return vec4(c.xyz, bed);
}

fn load_tile(x0: i32, y0: i32, thread: u32) {
    for (var k = thread; k < SX * SY; k += THREADS) {
        held[k] = load_cell(x0 - 1 + i32(k % SX), y0 - 1 + i32(k / SX));
    }
}

fn inside(x: i32, y: i32) -> bool {
    return x >= 0 && y >= 0 && x < i32(p.nx) && y < i32(p.ny);
}

/// Codes of the west and south face of a cell.
fn codes_at(x: i32, y: i32) -> vec2<u32> {
    if x < 0 || y < 0 || x > i32(p.nx) || y > i32(p.ny) {
        return vec2(OPEN);
    }
    return face_codes[u32(y) * (p.nx + 1u) + u32(x)];
}

/// An open edge lets water out, never in.
fn only_out(f: Flux, at: i32, far: i32) -> Flux {
    var out = f;
    if (at == 0 && f.mass > 0.0) || (at == far && f.mass < 0.0) {
        out.mass = 0.0;
        out.cross = 0.0;
        if at == 0 { out.hi = 0.0; } else { out.lo = 0.0; }
    }
    return out;
}

struct Advanced {
    /// Depth, velocities, rounding carried (Kahan 1965): without it a film of rain would never lift a deep cell.
    cell: vec4<f32>,
    /// Depth added by setting negative rounding to zero.
    lost: f32,
    speed: f32,
}

/// New state of a cell, point-implicit Manning friction included. `west` and `south` are its own faces, `east` and
/// `north` what the cell sees of the others: mass, momentum to the low side, transverse flux.
fn advance_cell(old: vec4<f32>, r: Recon, west: Flux, south: Flux, east: vec3<f32>, north: vec3<f32>, n2: f32, rain: f32)
    -> Advanced {
    let bed = 2.0 * p.g * r.h;
    let change = fence((rain - clock.lam * ((east.x - west.mass) + (north.x - south.mass))) - old.w);
    let raw = fence(old.x + change);
    let excess = fence(raw - old.x) - change;
    let qx = old.x * old.y - clock.lam * ((east.y - west.hi) + bed * r.ex + (north.z - south.cross));
    let qy = old.x * old.z - clock.lam * ((north.y - south.hi) + bed * r.ey + (east.z - west.cross));
    let h = max(0.0, raw);
    let below = raw < 0.0;
    let wet = h > p.dry;
    let safe = select(1.0, h, wet);
    var u = select(0.0, qx / safe, wet);
    var v = select(0.0, qy / safe, wet);
    if p.rough != 0u {
        // |u'| + a |u'|^2 = |u| with a = dt g n^2 h^(-4/3), solved without cancellation.
        let a = p.g * clock.dt * n2 * inv_cbrt4(safe);
        let keep = 2.0 / (1.0 + sqrt(1.0 + 4.0 * a * sqrt(u * u + v * v)));
        u *= keep;
        v *= keep;
    }
    var speed = max(abs(u), abs(v)) + sqrt(p.g * h);
    if broken(u) || broken(v) || broken(raw) {
        speed = bitcast<f32>(0x7f800000u ^ p.zero);
    }
    let carry = select(excess, 0.0, below);
    return Advanced(vec4(h, u, v, carry), select(0.0, excess - raw, below), speed);
}

@compute @workgroup_size(WX, WY)
fn step_tile(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) thread: u32) {
    if thread == 0u {
        let k = group.y * DISPATCH_ROW + group.x;
        this_tile = MIXED;
        if k < atomicLoad(&clock.jobs) {
            this_tile = tiles[k].job;
        }
        atomicStore(&wet_parts, 0u);
        atomicStore(&fastest, 0u);
    }
    let tile = workgroupUniformLoad(&this_tile);
    if tile == MIXED {
        return;
    }
    let x0 = i32((tile % p.tiles_x) * TW) - 2;
    let y0 = i32((tile / p.tiles_x) * TH) - 2;
    load_tile(x0, y0, thread);
    workgroupBarrier();

    // The cell of this thread.
    let x = x0 + i32(local.x);
    let y = y0 + i32(local.y);
    let at = (local.y + 1u) * SX + local.x + 1u;
    let own = held[at];
    let there = inside(x, y);
    let cell = u32(clamp(y, 0, i32(p.ny) - 1)) * p.nx + u32(clamp(x, 0, i32(p.nx) - 1));
    let n2 = select(0.0, ground[cell].y, there);
    var codes = vec4(OPEN);
    if (tiles[tile].traits & WALLED) != 0u {
        let c = codes_at(x, y);
        codes = vec4(c.x, codes_at(x + 1, y).x, c.y, codes_at(x, y + 1).y);
    }
    let r = reconstruct(own, held[at - 1u], held[at + 1u], held[at - SX], held[at + SX], codes, n2);

    // West face. Beds at faces are offsets from the low cell's bed.
    let beyond_x = local.x == 0u;
    let beyond_y = local.y == 0u;
    handed[thread] = vec4(r.h + r.hx, r.u + r.ux, r.v + r.vx, r.ex - r.hx);
    // Beyond the edge the bed goes on flat for want of anything better: that is no bend.
    let zx = select(r.zx, UNKNOWN, x <= 0 || x + 1 >= i32(p.nx));
    shares[thread] = zx;
    workgroupBarrier();
    let low_x = held[at - 1u];
    let rise_x = own.w - low_x.w;
    let low_zx = shares[select(thread - 1u, thread, beyond_x)];
    let bend_x = select(rise_x - (low_zx + zx), 0.0, low_zx == UNKNOWN || zx == UNKNOWN);
    var fx = flux_by_code(handed[select(thread - 1u, thread, beyond_x)],
        vec4(r.h - r.hx, r.u - r.ux, r.v - r.vx, rise_x - (r.ex - r.hx)),
        codes.x, low_x.w, low_x.x > p.dry || own.x > p.dry, bend_x);
    fx = only_out(fx, x, i32(p.nx));
    workgroupBarrier();

    // South face.
    handed[thread] = vec4(r.h + r.hy, r.v + r.vy, r.u + r.uy, r.ey - r.hy);
    let zy = select(r.zy, UNKNOWN, y <= 0 || y + 1 >= i32(p.ny));
    shares[thread] = zy;
    workgroupBarrier();
    let low_y = held[at - SX];
    let rise_y = own.w - low_y.w;
    let low_zy = shares[select(thread - WX, thread, beyond_y)];
    let bend_y = select(rise_y - (low_zy + zy), 0.0, low_zy == UNKNOWN || zy == UNKNOWN);
    var fy = flux_by_code(handed[select(thread - WX, thread, beyond_y)],
        vec4(r.h - r.hy, r.v - r.vy, r.u - r.uy, rise_y - (r.ey - r.hy)),
        codes.z, low_y.w, low_y.x > p.dry || own.x > p.dry, bend_y);
    fy = only_out(fy, y, i32(p.ny));
    workgroupBarrier();

    // What each cell can pay for: the draining limiter.
    let last_x = local.x == WX - 1u;
    let last_y = local.y == WY - 1u;
    handed[thread] = vec4(fx.mass, fy.mass, 0.0, 0.0);
    workgroupBarrier();
    let out_e = max(0.0, handed[select(thread + 1u, thread, last_x)].x);
    let out_n = max(0.0, handed[select(thread + WX, thread, last_y)].y);
    let need = clock.lam * (out_e + max(0.0, -fx.mass) + out_n + max(0.0, -fy.mass));
    let share = select(1.0, own.x / select(1.0, need, need > own.x), need > own.x);
    shares[thread] = share;
    workgroupBarrier();
    fx = scaled(fx, select(share, shares[select(thread - 1u, thread, beyond_x)], fx.mass > 0.0));
    fy = scaled(fy, select(share, shares[select(thread - WX, thread, beyond_y)], fy.mass > 0.0));
    handed[thread] = vec4(fx.mass, fx.lo, fx.cross, 0.0);
    held[thread] = vec4(fy.mass, fy.lo, fy.cross, 0.0);
    workgroupBarrier();

    let mine = local.x >= 2u && local.x < WX - 2u && local.y >= 2u && local.y < WY - 2u && there;
    var lost = 0.0;
    var edge = 0.0;
    if mine {
        let east = handed[thread + 1u].xyz;
        let north = held[thread + WX].xyz;
        let old = vec4(own.xyz, state[cell].w);
        let new_ = advance_cell(old, r, fx, fy, east, north, n2, rain_on(tile, cell));
        next[cell] = new_.cell;
        lost = new_.lost;
        edge += select(0.0, max(0.0, -fx.mass), x == 0);
        edge += select(0.0, max(0.0, east.x), x + 1 == i32(p.nx));
        edge += select(0.0, max(0.0, -fy.mass), y == 0);
        edge += select(0.0, max(0.0, north.x), y + 1 == i32(p.ny));
        edge *= clock.lam;
        atomicMax(&fastest, bitcast<u32>(new_.speed));
        if new_.cell.x > p.dry {
            var wet = WET_ANY;
            wet |= select(0u, WET_WEST, local.x == 2u);
            wet |= select(0u, WET_EAST, local.x == WX - 3u);
            wet |= select(0u, WET_SOUTH, local.y == 2u);
            wet |= select(0u, WET_NORTH, local.y == WY - 3u);
            atomicOr(&wet_parts, wet);
        }
    }
    workgroupBarrier();
    finish(tile, local, thread, vec2(lost, edge));
}

/// Adds what the tile lost and let out to its sums, in a fixed order: columns, then rows; and reports its fastest wave.
fn finish(tile: u32, local: vec3<u32>, thread: u32, sums: vec2<f32>) {
    handed[thread] = vec4(sums, 0.0, 0.0);
    workgroupBarrier();
    if local.y == 0u {
        var sum = vec2(0.0);
        for (var k = 0u; k < WY; k++) {
            sum += handed[k * WX + local.x].xy;
        }
        held[local.x] = vec4(sum, 0.0, 0.0);
    }
    workgroupBarrier();
    if thread == 0u {
        var sum = vec2(0.0);
        for (var k = 0u; k < WX; k++) {
            sum += held[k].xy;
        }
        if sum.x != 0.0 {
            tiles[tile].lost = pair_add(tiles[tile].lost, sum.x);
        }
        if sum.y != 0.0 {
            tiles[tile].edge = pair_add(tiles[tile].edge, sum.y);
        }
        atomicStore(&tiles[tile].wet, atomicLoad(&wet_parts));
        atomicMax(&clock.speed, atomicLoad(&fastest));
    }
}
