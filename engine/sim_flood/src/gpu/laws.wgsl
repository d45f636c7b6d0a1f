// Faces whose flux follows a law of their own: walls that water runs over, moving crests, gates, outlets. As `faces.rs`, where the
// sources are named. Levels are counted from the bed of the low cell, so nothing depends on the datum.

/// Codes of faces: open, impassable, and from here on those with a law.
const OPEN: u32 = 0u;
const FIRST_LAW: u32 = 2u;
const WALL: f32 = 1e30;
/// `Law.kind`.
const WEIR: u32 = 0u;
const GATE: u32 = 1u;
const OUTLET: u32 = 2u;
/// Discharge coefficient of a broad crest, 1/sqrt(3).
const BROAD_CREST: f32 = 0.57735027;

struct Law {
    kind: u32,
    /// Weir: 1 for a crest that moves.
    moving: u32,
    /// Weir: discharge coefficient. Gate: contraction of the jet. Outlet: sign of a flux that leaves.
    factor: f32,
    /// Gate: sill and upper edge of the leaf relative to the datum (m), share of the width that is open.
    sill: f32,
    top: f32,
    share: f32,
    spare_a: u32,
    spare_b: u32,
}

/// Some face has a law: without any, their code costs nothing.
override HAS_LAWS: bool = true;

@group(0) @binding(16) var<storage, read> laws: array<Law>;

/// Water that passes by a law, per metre: discharge (m2/s), velocity with which it comes out, thrust of a jet beyond that of the
/// water it comes into (m3/s2, in the direction of the flow), weight of the shallow-water flux.
struct Stream {
    mass: f32,
    speed: f32,
    thrust: f32,
    open: f32,
}

fn ramp(x: f32, low: f32, high: f32) -> f32 {
    return clamp((x - low) / (high - low), 0.0, 1.0);
}

/// Discharge per metre of crest under heads left and right, m2/s, without sign (Villemonte 1947).
fn weir_discharge(coefficient: f32, left: f32, right: f32) -> f32 {
    let up = max(left, right);
    if up <= 0.0 {
        return 0.0;
    }
    let drowned = min(left, right) / up;
    let rest = 1.0 - drowned * sqrt(drowned);
    if rest <= 0.0 {
        return 0.0;
    }
    return coefficient * (2.0 / 3.0) * sqrt(2.0 * p.g) * up * sqrt(up) * pow(rest, 0.385);
}

/// `left`, `right`: heads over the crest; `height`: of the crest above the higher bed.
fn weir_stream(coefficient: f32, left: f32, right: f32, height: f32) -> Stream {
    let up = max(left, right);
    let down = min(left, right);
    let q = weir_discharge(coefficient, left, right);
    let mass = select(-q, q, left >= right);
    let over = max(down, 2.0 / 3.0 * up);
    let speed = select(0.0, mass / over, over > 0.0);
    // Limits as for the river walls of ANUGA's manual.
    let drowned = select(0.0, ramp(down / up, 0.9, 0.95), up > 0.0);
    let deep = select(1.0, ramp(up / height, 1.0, 1.5), height > 0.0);
    return Stream(mass, speed, 0.0, max(drowned, deep));
}

/// Discharge per metre under a leaf, m2/s (Henderson 1966).
fn jet(jet_m: f32, up: f32, down: f32) -> f32 {
    let head = up - max(down, jet_m);
    if head <= 0.0 || up <= jet_m || jet_m <= 0.0 {
        return 0.0;
    }
    let ratio = jet_m / up;
    return jet_m * sqrt(2.0 * p.g * head / (1.0 - ratio * ratio));
}

/// `left`, `right`: heads over the sill.
fn gate_stream(law: Law, opening: f32, left: f32, right: f32) -> Stream {
    let up = max(left, right);
    let down = min(left, right);
    let open = select(0.0, law.share * clamp(1.5 - 0.5 * up / opening, 0.0, 1.0), opening > 0.0);
    let jet_m = law.factor * opening;
    let under = law.share * jet(jet_m, up, down);
    let leaf = law.top - law.sill;
    var over = 0.0;
    if leaf > opening {
        over = weir_discharge(BROAD_CREST, max(0.0, left - leaf), max(0.0, right - leaf));
    }
    let sign = select(-1.0, 1.0, left >= right);
    if under <= 0.0 {
        return Stream(sign * over, 0.0, 0.0, open);
    }
    let thrust = select(0.0, 0.5 * p.g * (jet_m * jet_m - down * down), down < jet_m);
    return Stream(sign * (under + over), sign * under / (law.share * jet_m), thrust, open);
}

/// Momentum flux seen by the side `side` of a stream `mass` that leaves towards the face or comes from it with velocity `speed`,
/// beyond the thrust of water at rest: what does not fit the water's own motion goes back as one wave. `sign`: 1 on the low side.
fn side_momentum(side: vec4<f32>, mass: f32, speed: f32, sign: f32) -> f32 {
    let depth = max(0.0, side.x);
    let wave = sqrt(p.g * depth);
    let towards = sign * side.y;
    let back = max(wave - towards, wave + 0.5 * towards);
    let push = mass * speed + sign * back * (depth * side.y - mass);
    // A wall cannot pull by more than there is.
    return sign * max(sign * push, -0.5 * back * back * depth);
}

/// Flux of a stream, mixed with a share of the shallow-water flux.
fn stream_flux(l: vec4<f32>, r: vec4<f32>, s: Stream, shallow: Flux) -> Flux {
    if s.open >= 1.0 {
        return shallow;
    }
    let right = s.mass >= 0.0;
    var f: Flux;
    f.mass = s.mass;
    f.lo = side_momentum(l, s.mass, select(s.speed, l.y, right), 1.0) - select(s.thrust, 0.0, right);
    f.hi = side_momentum(r, s.mass, select(r.y, s.speed, right), -1.0) + select(0.0, s.thrust, right);
    f.cross = s.mass * select(r.z, l.z, s.mass > 0.0);
    let w = s.open;
    return Flux(f.mass + w * (shallow.mass - f.mass), f.lo + w * (shallow.lo - f.lo), f.hi + w * (shallow.hi - f.hi),
        f.cross + w * (shallow.cross - f.cross));
}

/// Water leaves over an edge with its own velocity; what lies beyond sees none of it. `q` in m2/s.
fn outlet_flux(side: vec4<f32>, q: f32, outward: f32) -> Flux {
    let mass = select(0.0, outward * q, side.x > p.dry);
    let speed = select(0.0, mass / max(side.x, p.dry), mass != 0.0);
    return Flux(mass, mass * speed, mass * speed, mass * side.z);
}

/// Flux through a face with the code `code`; see `face_flux`. `bed`: of the low cell, relative to the datum.
fn flux_by_code(l: vec4<f32>, r: vec4<f32>, code: u32, bed: f32, flows: bool, bend: f32) -> Flux {
    var crest = select(WALL, NO_CREST, code == OPEN);
    var law: Law;
    var now = 0.0;
    if HAS_LAWS && code >= FIRST_LAW {
        law = laws[code - FIRST_LAW];
        now = clock.now[law_slot(code - FIRST_LAW)].x;
        if law.kind == WEIR {
            crest = now;
        } else if law.kind == GATE {
            crest = law.sill;
        }
    }
    crest -= bed;
    let shallow = face_flux(l, r, crest, flows, bend);
    // Films stay where they are, whatever the law: a skipped tile relies on it.
    if !HAS_LAWS || code < FIRST_LAW || !flows {
        return shallow;
    }
    if law.kind == OUTLET {
        if law.factor > 0.0 {
            return outlet_flux(l, now, 1.0);
        }
        return outlet_flux(r, now, -1.0);
    }
    let left = max(0.0, l.w + l.x - crest);
    let right = max(0.0, r.w + r.x - crest);
    if law.kind == GATE {
        return stream_flux(l, r, gate_stream(law, now, left, right), shallow);
    }
    // A wall that stands above the water was dealt with.
    if law.moving == 0u && shallow.mass == 0.0 {
        return shallow;
    }
    return stream_flux(l, r, weir_stream(law.factor, left, right, crest - max(l.w, r.w)), shallow);
}
