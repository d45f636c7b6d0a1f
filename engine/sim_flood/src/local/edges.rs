//! Where tiles of unlike steps meet: the coarser one is corrected by what passed the edge in the finer one's steps (Berger
//! and Colella 1989, "Local adaptive mesh refinement for shock hydrodynamics").
//!
//! The coarser tile goes first, with fluxes of its own, which are kept. The finer one sees it between its old and new
//! state and adds up its own fluxes. At the end of the coarser step the difference goes into the cells beside the edge: volume
//! and momentum are those of the finer fluxes to rounding.
//!
//! No cell is drawn below zero: the finer fluxes may take what the coarser step left in the cell and what that step took over
//! the edge, and if a cell has several such edges each may take its equal part of the rest.

use crate::Real;
use crate::pass::Job;
use crate::rows::{Flux, Recon, Step, WIDE};
use crate::tile::Rim;

/// How the step of a tile compares with that of a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Role {
    /// The same step, or no neighbour.
    #[default]
    Same,
    /// Longer.
    Coarse,
    /// Shorter. `fresh`: the neighbour's step has just begun.
    Fine { fresh: bool },
}

/// A face of an edge. Fluxes times dt / dx: depth (m), momentum across and along the face (m2/s), positive east- and
/// northwards; of one step (coarse) or added up over the neighbour's step (fine).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct EdgeFace {
    mass: f64,
    /// As the cell on the coarse side sees it, less the thrust of water `depth_m` deep.
    normal: f64,
    cross: f64,
    /// Coarse side: depth at the face, metres.
    depth_m: f64,
    /// Coarse side: depth that the finer fluxes may take from the cell in all, metres.
    budget_m: f64,
}

/// One edge of a tile.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    pub role: Role,
    faces: Vec<EdgeFace>,
}

/// West, east, south, north.
pub(crate) type Edges = [Edge; 4];

/// The coarse cell lies on the low side of the face.
const fn coarse_is_low(role: Role, edge: usize) -> bool {
    // At a west or south edge the neighbour is on the low side.
    (edge & 1 == 0) == matches!(role, Role::Fine { .. })
}

impl Edge {
    /// Makes room for the faces of a new step.
    pub(crate) fn begin(&mut self, role: Role, faces: usize) {
        self.role = role;
        if role == Role::Same {
            return;
        }
        self.faces.resize(faces, EdgeFace::default());
        if role != (Role::Fine { fresh: false }) {
            self.faces.fill(EdgeFace::default());
        }
    }
}

/// Position in a tile of the cell beside face `k` of an edge.
const fn cell_at(edge: usize, k: usize, width: usize, rows: usize) -> usize {
    match edge {
        0 => k * WIDE,
        1 => k * WIDE + width - 1,
        2 => k,
        _ => (rows - 1) * WIDE + k,
    }
}

/// Looks after the edges of a tile while it is computed.
pub(crate) struct Seam<'a> {
    pub edges: &'a mut Edges,
    /// The edges of the neighbours that face this tile's.
    pub facing: [Option<&'a Edge>; 4],
    /// Some edge is not [`Role::Same`].
    pub mixed: bool,
}

impl Seam<'_> {
    /// One face: `low_m` and `high_m` are the reconstructed depths on its two sides.
    fn face<R: Real>(&mut self, k: &Step<R>, edge: usize, face: usize, at: usize, sides: [R; 2], flux: &mut Flux<R>) {
        let role = self.edges[edge].role;
        if role == Role::Same {
            return;
        }
        let low = coarse_is_low(role, edge);
        let lam = k.lam.to_f64();
        let depth_m = sides[usize::from(!low)].to_f64();
        let own = &mut self.edges[edge].faces[face];
        if role == Role::Coarse {
            let normal = if low { flux.lo[at] } else { flux.hi[at] };
            own.mass = lam * flux.mass[at].to_f64();
            own.normal = lam * normal.to_f64();
            own.cross = lam * flux.cross[at].to_f64();
            own.depth_m = depth_m;
            return;
        }
        let Some(coarse) = self.facing[edge].and_then(|e| e.faces.get(face)) else { return };
        let sign = if low { 1.0 } else { -1.0 };
        let (out, left) = (sign * lam * flux.mass[at].to_f64(), coarse.budget_m - sign * own.mass);
        if out > left {
            let share = R::of((left / out).max(0.0));
            flux.mass[at] *= share;
            flux.lo[at] *= share;
            flux.hi[at] *= share;
            flux.cross[at] *= share;
        }
        let normal = if low { flux.lo[at] } else { flux.hi[at] };
        let thrust = 0.5 * k.g.to_f64() * (depth_m - coarse.depth_m) * (depth_m + coarse.depth_m);
        own.mass += lam * flux.mass[at].to_f64();
        own.normal += lam * (normal.to_f64() + thrust);
        own.cross += lam * flux.cross[at].to_f64();
    }

    /// A tile that was not computed: nothing passed, its films stand still.
    pub(crate) fn still<R: Real>(&mut self, job: &Job<'_, R>) {
        let (width, rows) = (job.tile.width, job.tile.r1 - job.tile.r0);
        for (e, edge) in self.edges.iter_mut().enumerate().filter(|(_, edge)| edge.role == Role::Coarse) {
            for (k, face) in edge.faces.iter_mut().enumerate() {
                face.depth_m = job.target.h[cell_at(e, k, width, rows)].to_f64();
            }
        }
    }

    /// What finer neighbours may take, from the depths after the step.
    pub(crate) fn share_out<R: Real>(&mut self, job: &Job<'_, R>) {
        let (width, rows) = (job.tile.width, job.tile.r1 - job.tile.r0);
        for e in 0..4 {
            if self.edges[e].role != Role::Coarse {
                continue;
            }
            for k in 0..self.edges[e].faces.len() {
                let at = cell_at(e, k, width, rows);
                let (i, j) = (at % WIDE, at / WIDE);
                let (mut drawn, mut came) = (0, 0.0);
                for (other, face, beside) in
                    [(0, j, i == 0), (1, j, i + 1 == width), (2, i, j == 0), (3, i, j + 1 == rows)]
                {
                    if beside && self.edges[other].role == Role::Coarse {
                        drawn += 1;
                        came += inflow(other, &self.edges[other].faces[face]).max(0.0);
                    }
                }
                let depth = job.target.h[at].to_f64() - job.target.carry[at].to_f64();
                let rest = (depth - came).max(0.0) / f64::from(drawn.max(1));
                let face = &mut self.edges[e].faces[k];
                face.budget_m = rest + (-inflow(e, face)).max(0.0);
            }
        }
    }
}

/// Depth that a coarse cell gains over its edge `edge`, metres.
const fn inflow(edge: usize, face: &EdgeFace) -> f64 {
    if edge & 1 == 0 { face.mass } else { -face.mass }
}

impl<R: Real> Rim<R> for Seam<'_> {
    #[inline(always)]
    fn row(&mut self, k: &Step<R>, row: usize, width: usize, cells: &Recon<R>, flux: &mut Flux<R>) {
        if !self.mixed {
            return;
        }
        for (edge, at) in [(0, 1), (1, width + 1)] {
            let sides = [cells.h[at] + cells.hx[at], cells.h[at + 1] - cells.hx[at + 1]];
            self.face(k, edge, row, at, sides, flux);
        }
    }

    #[inline(always)]
    fn line(&mut self, k: &Step<R>, north: bool, width: usize, low: &Recon<R>, high: &Recon<R>, flux: &mut Flux<R>) {
        let edge = 2 + usize::from(north);
        if self.edges[edge].role == Role::Same {
            return;
        }
        for face in 0..width {
            let at = face + 1;
            let sides = [low.h[at + 1] + low.hy[at + 1], high.h[at + 1] - high.hy[at + 1]];
            self.face(k, edge, face, at, sides, flux);
        }
    }
}

/// Brings the cells beside finer neighbours to what those neighbours' fluxes make of them. Returns the depth gained by setting
/// negative rounding to zero, metres, summed over cells, and whether anything changed. `n2(row, column)` is the roughness of a
/// cell of the tile.
pub(crate) fn correct<R: Real>(
    k: &Step<R>,
    job: &mut Job<'_, R>,
    edges: &Edges,
    facing: [Option<&Edge>; 4],
    n2: impl Fn(usize, usize) -> R,
) -> (f64, bool) {
    let (width, rows) = (job.tile.width, job.tile.r1 - job.tile.r0);
    let (mut lost, mut changed) = (0.0, false);
    for (e, (edge, fine)) in edges.iter().zip(facing).enumerate() {
        let Some(fine) = fine.filter(|_| edge.role == Role::Coarse) else { continue };
        for (f, (coarse, fine)) in edge.faces.iter().zip(&fine.faces).enumerate() {
            let sign = if e & 1 == 0 { 1.0 } else { -1.0 };
            let depth = sign * (fine.mass - coarse.mass);
            let (normal, cross) = (sign * (fine.normal - coarse.normal), sign * (fine.cross - coarse.cross));
            if depth == 0.0 && normal == 0.0 && cross == 0.0 {
                continue;
            }
            let at = cell_at(e, f, width, rows);
            let push = if e < 2 { [normal, cross] } else { [cross, normal] };
            lost += add(k, job, at, n2(at / WIDE, at % WIDE), depth, push);
            changed = true;
        }
    }
    (lost, changed)
}

/// Adds depth and momentum to a cell as if they had come with the other fluxes of its step, before friction.
fn add<R: Real>(k: &Step<R>, job: &mut Job<'_, R>, at: usize, n2: R, depth: f64, push: [f64; 2]) -> f64 {
    let out = &mut job.target;
    let drag = |h: R| {
        let r = h.inv_cbrt();
        (k.g * k.dt * n2 * (r * r) * (r * r)).to_f64()
    };
    let (h, carry) = (out.h[at], out.carry[at]);
    let mut q = [0.0; 2];
    if h > k.dry {
        // The friction of `rows::update` undone: |u| = |u'| + a |u'|^2.
        let (u, v) = (out.u[at].to_f64(), out.v[at].to_f64());
        let before = h.to_f64() * (1.0 + drag(h) * (u * u + v * v).sqrt());
        q = [before * u, before * v];
    }
    let change = R::of(depth) - carry;
    let raw = h + change;
    let excess = (raw - h) - change;
    let below = raw < R::ZERO;
    let now = if below { R::ZERO } else { raw };
    out.h[at] = now;
    out.carry[at] = if below { R::ZERO } else { excess };
    if now > k.dry {
        let u = [0, 1].map(|axis| (q[axis] + push[axis]) / now.to_f64());
        let speed = (u[0] * u[0] + u[1] * u[1]).sqrt();
        let keep = 2.0 / (1.0 + (1.0 + 4.0 * drag(now) * speed).sqrt());
        (out.u[at], out.v[at]) = (R::of(keep * u[0]), R::of(keep * u[1]));
    } else {
        (out.u[at], out.v[at]) = (R::ZERO, R::ZERO);
    }
    if below { excess.to_f64() - raw.to_f64() } else { 0.0 }
}
