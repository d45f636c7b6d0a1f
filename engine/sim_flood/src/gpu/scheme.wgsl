// The formulas, for one cell or one face. The same as in `rows.rs`, where the sources are discussed.

/// Limited slopes (offsets from the centre to a face) and half-step values.
struct Recon {
    h: f32,
    u: f32,
    v: f32,
    hx: f32,
    ux: f32,
    vx: f32,
    ex: f32,
    hy: f32,
    uy: f32,
    vy: f32,
    ey: f32,
    // Offsets of the bed alone, or UNKNOWN.
    zx: f32,
    zy: f32,
}

/// Where the bed's own slope is not to be used.
const UNKNOWN: f32 = 1e30;

/// Flux through a face. `lo` and `hi` are the normal momentum fluxes seen by the cell on the low (west, south) and the
/// high side, each less the hydrostatic thrust of its own reconstructed depth.
struct Flux {
    mass: f32,
    lo: f32,
    hi: f32,
    cross: f32,
}

/// Generalised minmod (van Leer 1979): the smallest of theta a, theta b and their mean; 0 at extrema.
fn limited(a: f32, b: f32) -> f32 {
    let small = p.theta * min(abs(a), abs(b));
    let mean = 0.5 * (a + b);
    let size = min(small, abs(mean));
    return select(0.0, select(size, -size, mean < 0.0), a * b > 0.0);
}

/// h^(-1/3) of a positive depth: exponent guess and Newton steps, as `Real::inv_cbrt`.
fn inv_cbrt(h: f32) -> f32 {
    let b = bitcast<u32>(h);
    let third = (b >> 2u) + (b >> 4u) + (b >> 6u) + (b >> 8u) + (b >> 10u) + (b >> 12u);
    var r = bitcast<f32>(0x54a0c000u - third);
    for (var k = 0; k < 3; k++) {
        r = r * (4.0 - h * (r * r * r)) * (1.0 / 3.0);
    }
    return r;
}

/// h^(-4/3).
fn inv_cbrt4(h: f32) -> f32 {
    let r = inv_cbrt(h);
    return (r * r) * (r * r);
}

/// Slopes and the half-step predictor of MUSCL-Hancock (van Leer 1984) in primitive form. Cells are (h, u, v, bed);
/// `codes` are those of the west, east, south and north face.
fn reconstruct(c: vec4<f32>, w: vec4<f32>, e: vec4<f32>, s: vec4<f32>, n: vec4<f32>, codes: vec4<u32>, n2: f32) -> Recon {
    let h = c.x;
    let live = h > p.thin;
    // Differences towards each neighbour of (h, u, v, bed).
    var dw = c - w;
    var de = e - c;
    var ds = c - s;
    var dn = n - c;
    // A nearly dry neighbour whose ground is above this water is a shore: the slope comes from the other side alone.
    let shore_w = w.x <= p.thin && -dw.w > h;
    let shore_e = e.x <= p.thin && de.w > h;
    let shore_s = s.x <= p.thin && -ds.w > h;
    let shore_n = n.x <= p.thin && dn.w > h;
    let open_x = codes.x == OPEN && codes.y == OPEN;
    let open_y = codes.z == OPEN && codes.w == OPEN;
    let mx = select(0.0, p.half_slope, live && open_x && !(shore_w && shore_e));
    let my = select(0.0, p.half_slope, live && open_y && !(shore_s && shore_n));
    var r: Recon;
    r.ux = mx * limited(dw.y, de.y);
    r.vx = mx * limited(dw.z, de.z);
    r.uy = my * limited(ds.y, dn.y);
    r.vy = my * limited(ds.z, dn.z);
    let hw = select(dw.xw, de.xw, shore_w);
    let he = select(de.xw, dw.xw, shore_e);
    let hs = select(ds.xw, dn.xw, shore_s);
    let hn = select(dn.xw, ds.xw, shore_n);
    // A quarter of the level's slope at a shore, see rows.rs.
    r.ex = select(mx, 0.25 * mx, shore_w || shore_e) * limited(hw.x + hw.y, he.x + he.y);
    r.ey = select(my, 0.25 * my, shore_s || shore_n) * limited(hs.x + hs.y, hn.x + hn.y);
    r.hx = clamp(mx * limited(hw.x, he.x), -h, h);
    r.hy = clamp(my * limited(hs.x, hn.x), -h, h);
    r.zx = select(UNKNOWN, mx * limited(hw.y, he.y), mx > 0.0);
    r.zy = select(UNKNOWN, my * limited(hs.y, hn.y), my > 0.0);
    let dh = clock.lam * (c.y * r.hx + c.z * r.hy + h * (r.ux + r.vy));
    let du = clock.lam * (c.y * r.ux + c.z * r.uy + p.g * r.ex);
    let dv = clock.lam * (c.y * r.vx + c.z * r.vy + p.g * r.ey);
    let half = h - dh;
    r.h = select(h, half, half >= max(abs(r.hx), abs(r.hy)));
    r.u = c.y - du;
    r.v = c.z - dv;
    if p.rough != 0u {
        // Half a step of friction with the old speed, implicit in the new: keeps uniform flow uniform.
        let a = p.g * clock.dt * n2 * inv_cbrt4(select(1.0, h, live));
        let keep = 1.0 / (1.0 + 0.5 * a * sqrt(c.y * c.y + c.z * c.z));
        r.u *= keep;
        r.v *= keep;
    }
    return r;
}

/// What a low rise of the bed takes away in the hydrostatic reconstruction, see rows.rs: depth for the discharge of the low and of
/// the high side, and the part of the fall of the level that is Bernoulli's, times `c2`.
fn over_a_rise(step: f32, bend: f32, l: vec4<f32>, r: vec4<f32>, c2: f32) -> vec3<f32> {
    let up = step > 0.0;
    let h = select(r.x, l.x, up);
    let u = select(r.y, l.y, up);
    let low = min(select(0.0, min(abs(step), abs(bend)), step * bend > 0.0), u * u);
    let rise = min(low, max(0.0, 0.25 * h - 4.0 * low));
    let drop = min(u * u, max(0.0, c2)) * rise;
    return select(vec3(0.0, rise, -drop), vec3(rise, 0.0, drop), up);
}

/// HLLC flux (Toro 2001) between hydrostatically reconstructed states (Audusse et al. 2004), with two-rarefaction wave
/// speeds. `l` and `r` hold depth, normal and transverse velocity at the face, and the bed there as an offset from the
/// low cell's bed; `crest` is counted from there too. `bend`: step of the bed alone between its own slopes, 0 where not known. Films on both sides (not `flows`) stay where they are. While a
/// crest stands above the water of both sides, each side sees a reflecting wall.
fn face_flux(l: vec4<f32>, r: vec4<f32>, crest: f32, flows: bool, bend: f32) -> Flux {
    let rise = r.w - l.w;
    let above_l = crest - l.w;
    let above_r = above_l - rise;
    let rise_l = max(max(0.0, rise), above_l);
    let rise_r = max(max(0.0, -rise), above_r);
    let walled = flows && above_l >= l.x && above_r >= r.x && above_l > max(0.0, rise);
    if walled {
        // HLL with the mirrored state: thrust beyond rest is h u (u + s); a wall cannot pull.
        let wl = sqrt(p.g * max(0.0, l.x));
        let wr = sqrt(p.g * max(0.0, r.x));
        let lo = max(l.x * l.y * (l.y + max(wl - l.y, wl + 0.5 * l.y)), -0.5 * wl * wl * l.x);
        let hi = max(r.x * r.y * (r.y - max(wr + r.y, wr - 0.5 * r.y)), -0.5 * wr * wr * r.x);
        return Flux(0.0, lo, hi, 0.0);
    }
    let a = max(0.0, l.x - rise_l);
    let b = max(0.0, r.x - rise_r);
    let ca = sqrt(p.g * a);
    let cb = sqrt(p.g * b);
    let us = 0.5 * (l.y + r.y) + (ca - cb);
    let cs = max(0.0, 0.5 * (ca + cb) + 0.25 * (l.y - r.y));
    var sl = r.y - 2.0 * cb;
    var sr = l.y + 2.0 * ca;
    if a > 0.0 {
        sl = select(l.y - ca, min(l.y - ca, us - cs), b > 0.0);
    }
    if b > 0.0 {
        sr = select(r.y + cb, max(r.y + cb, us + cs), a > 0.0);
    }
    sl = min(sl, 0.0);
    sr = max(sr, 0.0);
    let width = sr - sl;
    if !(flows && (a > 0.0 || b > 0.0) && width > 0.0) {
        return Flux(0.0, 0.0, 0.0, 0.0);
    }
    let inv = 1.0 / width;
    let extra = over_a_rise(rise, bend, l, r, -sl * sr);
    let ma = (a + extra.x) * l.y;
    let mb = (b + extra.y) * r.y;
    // Momentum fluxes less the thrust of the low side, so that rest gives exactly zero.
    let thrust = 0.5 * p.g * (b - a) * (b + a);
    let mass = (sr * ma - sl * mb + sl * sr * (b - a) - extra.z) * inv;
    let push = (sr * (ma * l.y) - sl * (mb * r.y + thrust) + sl * sr * (mb - ma)) * inv;
    return Flux(mass, push, push - thrust, mass * select(r.z, l.z, mass > 0.0));
}

fn scaled(f: Flux, share: f32) -> Flux {
    return Flux(f.mass * share, f.lo * share, f.hi * share, f.cross * share);
}
