//! How an extruded building looks: colours by use, storeys with windows, parapets, hipped roofs.

use crate::buildings::Block;
use crate::mesh::{Mesh, cut, lerp, sub, unit};
use crate::tiles::linear;

/// Depth of the flat roof below the parapet, m.
const PARAPET_M: f64 = 0.9;
/// Width of a window bay, m.
const BAY_M: f64 = 3.4;

/// Colours of one building, linear.
struct Paint {
    wall: [u8; 4],
    base: [u8; 4],
    trim: [u8; 4],
    glass: [[u8; 4]; 3],
    roof: [u8; 4],
    hipped: bool,
    /// Share of a bay that is glass.
    open: f64,
}

/// A small number from a text, the same on every machine (FNV-1a).
fn dice(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193))
}

fn paint(block: &Block) -> Paint {
    let d = dice(&block.key);
    let pick = |list: &[[u8; 3]]| list[d as usize % list.len()];
    let usage = block.usage.as_str();
    let is = |words: &[&str]| words.iter().any(|w| usage.contains(w));
    let low = block.floors <= 6 && block.rings[0].len() <= 8;
    let (walls, roof, hipped, open): (&[[u8; 3]], [u8; 3], bool, f64) =
        if is(&["学校", "幼儿", "school", "kindergarten"]) {
            (&[[205, 132, 98], [222, 178, 128], [196, 120, 104]], [150, 128, 116], false, 0.62)
        } else if is(&["办公", "酒店", "office", "hotel"]) {
            (&[[168, 178, 186], [150, 163, 175], [186, 190, 194]], [128, 132, 136], false, 0.84)
        } else if is(&["商", "市场", "retail", "commercial", "shop", "mall"]) {
            (&[[214, 196, 170], [200, 190, 182], [216, 206, 190]], [142, 138, 134], false, 0.8)
        } else if is(&["医", "社区", "hospital", "civic"]) {
            (&[[226, 226, 222], [212, 220, 222]], [150, 152, 154], false, 0.55)
        } else if is(&["厂", "市政", "industrial", "garage", "shed"]) {
            (&[[176, 180, 184], [160, 168, 172]], [118, 130, 142], false, 0.3)
        } else {
            (
                &[[226, 211, 188], [214, 192, 166], [222, 204, 196], [206, 200, 190], [196, 168, 144]],
                if low { [142, 78, 66] } else { [140, 134, 128] },
                low,
                0.52,
            )
        };
    let wall = pick(walls);
    let darker = |c: [u8; 3], f: f64| c.map(|v| (f64::from(v) * f) as u8);
    Paint {
        wall: linear(wall),
        base: linear(darker(wall, 0.72)),
        trim: linear(darker(wall, 0.86)),
        glass: [linear([74, 92, 110]), linear([92, 112, 130]), linear([58, 74, 92])],
        roof: linear(roof),
        hipped: hipped && block.is_oblong(),
        open,
    }
}

/// Walls as plain quads and a cap.
pub(crate) fn coarse(block: &Block) -> Mesh {
    let p = paint(block);
    let mut mesh = Mesh::default();
    for_each_edge(block, |a, b| {
        let n = outward(a[0], b[0]);
        mesh.quad([a[0], b[0], b[1], a[1]], n, p.trim, 0);
    });
    roof(block, &p, &mut mesh);
    mesh
}

/// Storeys with windows, parapet or hipped roof.
pub(crate) fn detailed(block: &Block) -> Mesh {
    let p = paint(block);
    let mut mesh = Mesh::default();
    let storey = block.storey_m();
    let mut seed = dice(&block.key);
    for_each_edge(block, |a, b| wall(block, &p, storey, a, b, &mut seed, &mut mesh));
    roof(block, &p, &mut mesh);
    penthouse(block, &p, &mut mesh);
    mesh
}

/// Calls with [bottom, top] of the two ends of every wall, outside on the right of a → b.
fn for_each_edge(block: &Block, mut f: impl FnMut([[f64; 3]; 2], [[f64; 3]; 2])) {
    for ring in &block.rings {
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            f(*a, *b);
        }
    }
}

fn outward(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    unit([b[1] - a[1], a[0] - b[0], 0.0])
}

fn wall(block: &Block, p: &Paint, storey: f64, a: [[f64; 3]; 2], b: [[f64; 3]; 2], seed: &mut u32, mesh: &mut Mesh) {
    let n = outward(a[0], b[0]);
    let length = {
        let d = sub(b[0], a[0]);
        d[0].hypot(d[1])
    };
    let total = block.height_m.max(0.1);
    let at = |u: f64, z: f64| {
        let t = z / total;
        lerp(lerp(a[0], a[1], t), lerp(b[0], b[1], t), u)
    };
    let mut band = |u0: f64, u1: f64, z0: f64, z1: f64, colour: [u8; 4]| {
        if z1 > z0 && u1 > u0 {
            mesh.quad([at(u0, z0), at(u1, z0), at(u1, z1), at(u0, z1)], n, colour, 0);
        }
    };
    let bays = (length / BAY_M).floor() as u32;
    if bays == 0 || storey < 2.0 {
        band(0.0, 1.0, 0.0, total, p.wall);
        return;
    }
    // Below the ground line the wall goes on as a plinth.
    let mut from = 0.0;
    for floor in 0..block.floors {
        let z = f64::from(floor) * storey;
        let (sill, head) = if p.open > 0.7 { (0.16, 0.9) } else { (0.32, 0.84) };
        let (sill, head) = (z + sill * storey, z + head * storey);
        band(0.0, 1.0, from, sill, if floor == 0 { p.base } else { p.wall });
        from = head;
        let step = 1.0 / f64::from(bays);
        let half = step * (1.0 - p.open) / 2.0;
        let mut u = 0.0;
        for bay in 0..bays {
            let (w0, w1) = (f64::from(bay) * step + half, f64::from(bay + 1) * step - half);
            band(u, w0, sill, head, p.wall);
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            band(w0, w1, sill, head, p.glass[(*seed >> 24) as usize % 3]);
            u = w1;
        }
        band(u, 1.0, sill, head, p.wall);
    }
    band(0.0, 1.0, from, total, p.trim);
}

fn roof(block: &Block, p: &Paint, mesh: &mut Mesh) {
    if p.hipped {
        return hipped(block, p, mesh);
    }
    let drop = if block.height_m > 5.0 { PARAPET_M } else { 0.0 };
    let t = (block.height_m - drop) / block.height_m.max(0.1);
    let level: Vec<Vec<[f64; 3]>> =
        block.rings.iter().map(|r| r.iter().map(|[a, b]| lerp(*a, *b, t)).collect()).collect();
    let flat: Vec<Vec<[f64; 2]>> = level.iter().map(|r| r.iter().map(|q| [q[0], q[1]]).collect()).collect();
    let first = mesh.vertices() as u32;
    for q in level.iter().flatten() {
        mesh.vertex(*q, [0.0, 0.0, 1.0], p.roof, 0);
    }
    mesh.triangles(first, cut(&flat));
    if drop > 0.0 {
        for_each_edge(block, |a, b| {
            let n = outward(a[0], b[0]).map(|v| -v);
            mesh.quad([lerp(b[0], b[1], t), lerp(a[0], a[1], t), a[1], b[1]], n, p.trim, 0);
        });
    }
}

/// Four slopes over a four-cornered building, ridge along the longer side, eaves a little out.
fn hipped(block: &Block, p: &Paint, mesh: &mut Mesh) {
    let Some([c0, c1, c2, c3]) = block.corners() else { return };
    let side = |a: [f64; 3], b: [f64; 3]| {
        let d = sub(b, a);
        d[0].hypot(d[1])
    };
    // Turn so that c0 → c1 is the longer side.
    let [c0, c1, c2, c3] = if side(c0, c1) >= side(c1, c2) { [c0, c1, c2, c3] } else { [c1, c2, c3, c0] };
    let (long, short) = (side(c0, c1), side(c1, c2));
    let centre: [f64; 3] = std::array::from_fn(|i| (c0[i] + c1[i] + c2[i] + c3[i]) / 4.0);
    let out = 1.0 + 0.8 / short.max(1.0);
    let eave = |c: [f64; 3]| {
        let q = lerp(centre, c, out);
        [q[0], q[1], c[2]]
    };
    let e = [c0, c1, c2, c3].map(eave);
    let rise = (short * 0.28).min(3.2);
    let inset = (short / 2.0 / long).min(0.5);
    let up = |q: [f64; 3]| [q[0], q[1], q[2] + rise];
    let west = lerp(e[0], e[3], 0.5);
    let east = lerp(e[1], e[2], 0.5);
    let (r0, r1) = (up(lerp(west, east, inset)), up(lerp(west, east, 1.0 - inset)));
    let mut slope = |a, b, c| mesh.triangle([a, b, c], p.roof, 0);
    slope(e[0], e[1], r1);
    slope(e[0], r1, r0);
    slope(e[2], e[3], r0);
    slope(e[2], r0, r1);
    slope(e[1], e[2], r1);
    slope(e[3], e[0], r0);
    // Soffit.
    mesh.quad([e[3], e[2], e[1], e[0]], [0.0, 0.0, -1.0], p.trim, 0);
}

/// Lift and stair house on taller buildings.
fn penthouse(block: &Block, p: &Paint, mesh: &mut Mesh) {
    if block.floors < 7 {
        return;
    }
    let (centre, along) = block.axis();
    let across = [-along[1], along[0], 0.0];
    let top = block.rings[0].iter().map(|r| r[1][2]).fold(f64::NEG_INFINITY, f64::max) - PARAPET_M;
    let corner = |u: f64, v: f64, z: f64| {
        [centre[0] + u * along[0] + v * across[0], centre[1] + u * along[1] + v * across[1], z]
    };
    let (l, w, h) = (3.6, 2.6, 3.9);
    let plan = [(-l, -w), (l, -w), (l, w), (-l, w)];
    if plan.iter().any(|(u, v)| {
        let c = corner(*u, *v, 0.0);
        !block.footprint().contains([c[0], c[1]])
    }) {
        return;
    }
    for k in 0..4 {
        let ((u0, v0), (u1, v1)) = (plan[k], plan[(k + 1) % 4]);
        let (a, b) = (corner(u0, v0, top), corner(u1, v1, top));
        let (a1, b1) = (corner(u0, v0, top + h), corner(u1, v1, top + h));
        mesh.quad([a, b, b1, a1], outward(a, b), p.wall, 0);
    }
    let lid = plan.map(|(u, v)| corner(u, v, top + h));
    mesh.quad(lid, [0.0, 0.0, 1.0], p.roof, 0);
}
