//! How everybody moves in a step: directions, speeds, walls.
//!
//! Collision-free speed model (Tordeux, Chraibi, Seyfried 2016): speed = clamp((s − l)/T, 0, v0) with s the distance to the
//! nearest person in the way, l the sum of both radii and T the time gap, or the eased form of [`crate::SpacingLaw`]. The direction follows the anticipation
//! velocity model (Xu et al. 2021): people in front push aside, at right angles to the wanted direction, by
//! a (1 + (1 − e0 · vj)/2) e^((l − s')/D) with the distance s' anticipated.

use crate::agents::{Agents, Status};
use crate::field::Field;
use crate::hazard::{SmokeLaw, speed_in_smoke_mps};
use crate::lanes::{Chunk, Lanes, WIDTH, least, sum};
use crate::math::{V2, add_scaled, crossing, dot, exp, length, nearest_on, sub, unit};
use crate::params::CrowdParams;
use crate::sort::{Grids, Moved, Scratch, near};
use crate::state::CrowdState;
use crate::world::{CrowdWorld, Layer, LayerKind, NONE, seen_through};
use pulp::{Simd, WithSimd};
use sim_core::CounterRng;

/// A partition of the crowd, ready to move.
pub(crate) struct Part<'a> {
    pub world: &'a CrowdWorld,
    pub grids: &'a Grids,
    pub params: &'a CrowdParams,
    pub agents: &'a Agents,
    pub state: &'a CrowdState,
    pub scratch: &'a Scratch,
    /// First and last cell.
    pub cells: (u32, u32),
    /// Results of the partition's people.
    pub out: &'a mut [Moved],
}

/// People around, in chunks of sixteen.
#[derive(Default)]
struct Crowd {
    x: Vec<f32>,
    y: Vec<f32>,
    ax: Vec<f32>,
    ay: Vec<f32>,
    r: Vec<f32>,
    hx: Vec<f32>,
    hy: Vec<f32>,
    /// Who a wall hides from the person looking now: position in the columns, and x.
    hidden: Vec<(usize, f32)>,
}

/// Far outside every reach, yet with a finite square.
const FAR: f32 = 1e15;

impl Crowd {
    #[inline(always)]
    fn columns(&mut self) -> [&mut Vec<f32>; 7] {
        [&mut self.x, &mut self.y, &mut self.ax, &mut self.ay, &mut self.r, &mut self.hx, &mut self.hy]
    }

    fn clear(&mut self) {
        for v in self.columns() {
            v.clear();
        }
    }

    #[inline(always)]
    fn extend(&mut self, s: &Scratch, from: usize, to: usize) {
        self.x.extend_from_slice(&s.x[from..to]);
        self.y.extend_from_slice(&s.y[from..to]);
        self.ax.extend_from_slice(&s.ax[from..to]);
        self.ay.extend_from_slice(&s.ay[from..to]);
        self.r.extend_from_slice(&s.r[from..to]);
        self.hx.extend_from_slice(&s.hx[from..to]);
        self.hy.extend_from_slice(&s.hy[from..to]);
    }

    fn push(&mut self, g: &[f32; 7]) {
        self.x.push(g[0]);
        self.y.push(g[1]);
        self.ax.push(g[2]);
        self.ay.push(g[3]);
        self.r.push(g[4]);
        self.hx.push(g[5]);
        self.hy.push(g[6]);
    }

    /// Puts those whom a wall of `layer` near `p` hides out of sight, until [`Crowd::show_all`].
    #[inline(always)]
    fn hide_behind_walls(&mut self, layer: &Layer, p: V2, len: usize) {
        let walls = layer.wall_lists.at(p);
        if walls.is_empty() {
            return;
        }
        for k in 0..len {
            let q = [self.x[k], self.y[k]];
            let between = |w: &u32| crossing(p, q, layer.walls[*w as usize][0], layer.walls[*w as usize][1]).is_some();
            if walls.iter().any(between) {
                self.hidden.push((k, std::mem::replace(&mut self.x[k], FAR)));
            }
        }
    }

    #[inline(always)]
    fn show_all(&mut self) {
        for (k, x) in self.hidden.drain(..) {
            self.x[k] = x;
        }
    }

    /// Drops all beyond `len` and fills the last chunk with nobody.
    #[inline(always)]
    fn seal(&mut self, len: usize) {
        let full = len.div_ceil(WIDTH) * WIDTH;
        for v in [&mut self.x, &mut self.y, &mut self.ax, &mut self.ay] {
            v.truncate(len);
            v.resize(full, FAR);
        }
        for v in [&mut self.r, &mut self.hx, &mut self.hy] {
            v.truncate(len);
            v.resize(full, 0.0);
        }
    }
}

/// One person who looks around.
#[derive(Clone, Copy)]
struct Viewer {
    at: V2,
    ahead: V2,
    radius: f32,
    /// Wanted direction.
    wish: V2,
    /// Strength of turning aside: who stands presses on, who walks gives others room.
    push: f32,
}

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let mut crowd = Crowd::default();
        let base = self.scratch.start[self.cells.0 as usize] as usize;
        for cell in self.cells.0..self.cells.1 {
            let (from, to) =
                (self.scratch.start[cell as usize] as usize, self.scratch.start[cell as usize + 1] as usize);
            if from == to {
                continue;
            }
            let layer = self.grids.layer_of[cell as usize];
            crowd.clear();
            self.gather(&mut crowd, layer, cell);
            let len = crowd.x.len();
            crowd.seal(len);
            for k in from..to {
                self.out[k - base] = self.person(simd, &mut crowd, len, layer, k);
            }
        }
    }
}

impl Part<'_> {
    /// Everybody of the cell and of the eight around it.
    #[inline(always)]
    fn gather(&self, crowd: &mut Crowd, layer: u32, cell: u32) {
        let g = &self.grids.layers[layer as usize];
        let (i, j) = ((cell - g.first) % g.nx, (cell - g.first) / g.nx);
        for row in j.saturating_sub(1)..=(j + 1).min(g.ny - 1) {
            let first = g.first + row * g.nx;
            let (a, b) = (first + i.saturating_sub(1), first + (i + 1).min(g.nx - 1));
            crowd.extend(
                self.scratch,
                self.scratch.start[a as usize] as usize,
                self.scratch.start[b as usize + 1] as usize,
            );
        }
    }

    /// Adds those seen through portals.
    #[inline(always)]
    fn add_ghosts(&self, crowd: &mut Crowd, len: usize, layer: &Layer, p: V2) -> usize {
        let mut seen = 0;
        for k in layer.way_lists.at(p) {
            let way = layer.ways[*k as usize];
            let ghosts = &self.scratch.ghosts[way as usize];
            let side = self.world.side(way);
            if ghosts.is_empty() || !near(side, p, self.params.reach_m) {
                continue;
            }
            for g in ghosts {
                let d = sub([g[0], g[1]], p);
                if dot(d, d) < self.params.reach_m * self.params.reach_m && seen_through(side, p, [g[0], g[1]]) {
                    if seen == 0 {
                        crowd.seal_open(len);
                    }
                    crowd.push(g);
                    seen += 1;
                }
            }
        }
        if seen > 0 {
            crowd.seal(len + seen);
        }
        seen
    }

    #[inline(always)]
    fn person<S: Simd>(&self, simd: S, crowd: &mut Crowd, len: usize, layer_id: u32, k: usize) -> Moved {
        let i = self.scratch.order[k] as usize;
        let a = self.agents;
        let p = [self.scratch.x[k], self.scratch.y[k]];
        let stay = Moved { x: p[0], y: p[1], hx: a.hx[i], hy: a.hy[i], ..Moved::default() };
        let way = a.way[i];
        if a.status[i] != Status::Walking.code() || way == NONE {
            return stay;
        }
        let layer = &self.world.layers[layer_id as usize];
        let Some(index) = layer.way_index(way) else { return stay };
        let side = self.world.side(way);
        let wish = layer.fields[index].heading(side, p);
        let wanted = self.wanted_mps(i, layer_id as usize, layer, wish);
        if wish == [0.0, 0.0] || wanted <= 0.0 {
            return stay;
        }
        let seen = if self.scratch.lit.is_empty() { 0 } else { self.add_ghosts(crowd, len, layer, p) };
        if matches!(layer.fields[index], Field::Cells(_)) {
            crowd.hide_behind_walls(layer, p, len);
        }
        let ahead = [self.scratch.ax[k], self.scratch.ay[k]];
        let rng = CounterRng::new(self.params.seed, u64::from(a.id[i]));
        let wish = self.look_for_a_way(&rng, a.blocked_s[i], wish);
        let pace = (a.speed[i] / wanted).min(1.0);
        let push = self.params.push * (self.params.push_standing + (1.0 - self.params.push_standing) * pace);
        let viewer = Viewer { at: p, ahead, radius: a.radius[i], wish, push };
        let heading = self.heading(simd, crowd, layer, &viewer, [a.hx[i], a.hy[i]]);
        // Turned shoulders: those blocked for long, drawn by lot anew every half second, pass with turned bodies.
        let lot = || rng.at(self.state.tick / self.half_second()) & 1 == 0;
        let squeezes = a.blocked_s[i] > self.params.clog_wait_s && lot();
        let dt = self.params.dt_s;
        // Where walls let the person go at the wanted speed; the free way is looked for in that direction.
        let tried = self.keep_off_walls(layer, way, p, add_scaled(p, heading, wanted * dt));
        let (course, most) = (unit(sub(tried, p)), length(sub(tried, p)));
        let (gap, room) = free_way(simd, crowd, &viewer, course, squeezes, self.params);
        crowd.show_all();
        if seen > 0 {
            crowd.seal(len);
        }
        let sight = self.params.reach_m - 2.0 * viewer.radius;
        let step = (self.params.spacing.speed_mps(most / dt, gap, a.gap_s[i], sight) * dt).min(room).clamp(0.0, most);
        let portal = &self.world.portals[(way >> 1) as usize];
        let q = if step > 0.0 { self.keep_off_walls(layer, way, p, add_scaled(p, course, step)) } else { p };
        let moved = length(sub(q, p));
        let leaves = portal.is_left_by((way & 1) as usize, p, q);
        let blocked_s =
            if moved < 0.1 * wanted * dt { a.blocked_s[i] + dt } else { (a.blocked_s[i] - 2.0 * dt).max(0.0) };
        Moved { x: q[0], y: q[1], hx: heading[0], hy: heading[1], speed: moved / dt, blocked_s, leaves }
    }

    /// Who has stood for long tries another direction, drawn anew every half second, up to a right angle from the wanted
    /// one: the way round somebody who stands. Who has stood longer still also steps back: that breaks arches.
    #[inline(always)]
    fn look_for_a_way(&self, rng: &CounterRng, blocked_s: f32, wish: V2) -> V2 {
        if blocked_s <= 3.0 * self.params.clog_wait_s {
            return wish;
        }
        let draw = rng.at(self.state.tick / self.half_second() + (1 << 40));
        // Top 24 bits: -1 to 0.5, exact in f32: people give way to the right (靠右避让) more often than to the left.
        let aside = (draw >> 40) as f32 * (1.5 / 16_777_216.0) - 1.0;
        let odds = if blocked_s > 10.0 * self.params.clog_wait_s { 1 } else { 3 };
        let long = blocked_s > 4.0 * self.params.clog_wait_s && draw & odds == 0;
        let ahead = if long { 0.5 } else { 1.0 } - aside.abs();
        unit([wish[0] * ahead - wish[1] * aside, wish[1] * ahead + wish[0] * aside])
    }

    fn half_second(&self) -> u64 {
        ((0.5 / self.params.dt_s) as u64).max(1)
    }

    /// Speed wanted here: age, slope, smoke, water, company.
    #[inline(always)]
    fn wanted_mps(&self, i: usize, layer_id: usize, layer: &Layer, wish: V2) -> f32 {
        let mut v = self.agents.free_mps[i] * self.agents.pace[i];
        if let LayerKind::Flight(_) = layer.kind {
            v *= layer.slope_factor(wish);
        }
        if self.params.smoke_law != SmokeLaw::Off {
            v = speed_in_smoke_mps(self.params.smoke_law, v, self.state.air[layer_id].extinction_per_m);
        }
        v * self.state.flood[layer_id].speed_factor()
    }

    #[inline(always)]
    fn heading<S: Simd>(&self, simd: S, crowd: &Crowd, layer: &Layer, v: &Viewer, before: V2) -> V2 {
        let mut push = push_apart(simd, crowd, v, self.params);
        for w in layer.wall_lists.at(v.at) {
            let [a, b] = layer.walls[*w as usize];
            let away = sub(v.at, nearest_on(a, b, v.at));
            let d = length(away);
            if d < crate::world::WALL_SIGHT_M && d > 0.0 {
                let strength = self.params.wall_push * exp((v.radius - d) / self.params.wall_range_m).min(1.0);
                // Walls push sideways only: a jamb ahead must not hold up who walks to the door beside it.
                let back = dot(away, v.wish).min(0.0);
                push = add_scaled(push, add_scaled(away, v.wish, -back), strength / d);
            }
        }
        let target = unit(add_scaled(v.wish, push, 1.0));
        let turn = if self.params.turn_s > self.params.dt_s { self.params.dt_s / self.params.turn_s } else { 1.0 };
        let turned = unit([before[0] + (target[0] - before[0]) * turn, before[1] + (target[1] - before[1]) * turn]);
        if turned == [0.0, 0.0] || dot(before, before) < 0.5 { target } else { turned }
    }

    /// The step `p`–`q` bent so that it comes no nearer to a wall than the clearance, nor than it was; no step at all where
    /// that cannot be.
    #[inline(always)]
    pub(crate) fn keep_off_walls(&self, layer: &Layer, way: u32, p: V2, q: V2) -> V2 {
        keep_off_walls(self.world, layer, way, p, q, self.params.clearance_m)
    }
}

impl Crowd {
    /// Drops the filling of the last chunk, so that more can be pushed.
    #[inline(always)]
    fn seal_open(&mut self, len: usize) {
        for v in self.columns() {
            v.truncate(len);
        }
    }
}

/// Every other way of the layer counts as a wall: people pass only where they mean to.
#[inline(always)]
pub(crate) fn keep_off_walls(world: &CrowdWorld, layer: &Layer, way: u32, p: V2, q: V2, clearance_m: f32) -> V2 {
    let walls = layer.wall_lists.at(p);
    let ways = layer.way_lists.at(p);
    if walls.is_empty() && ways.is_empty() {
        return q;
    }
    let wall = |w: &u32| layer.walls[*w as usize];
    let door = |k: &u32| {
        let other = layer.ways[*k as usize];
        let s = world.side(other);
        let disc = world.portals[(other >> 1) as usize].capture_m.is_some();
        (other != way && !disc).then_some([s.a, s.b])
    };
    let segments = || walls.iter().map(wall).chain(ways.iter().filter_map(door));
    let step = length(sub(q, p));
    let mut q = q;
    for _ in 0..4 {
        // The wall most intruded upon: (how much, nearest point, allowed distance).
        let mut worst: (f32, V2, f32) = (0.0, q, 0.0);
        for [a, b] in segments() {
            let foot = nearest_on(a, b, q);
            let d = length(sub(q, foot));
            if d < clearance_m {
                let allowed = clearance_m.min(length(sub(p, nearest_on(a, b, p))));
                if allowed - d > worst.0 {
                    worst = (allowed - d, foot, allowed);
                }
            }
        }
        if worst.0 <= 0.0 {
            // A step shorter than twice the clearance cannot have jumped a wall that both its ends keep off; who stands
            // nearer than that to a door line must be asked.
            // Who stands on the line and walks inwards jumps nothing.
            let beyond = |k: &&u32| {
                let s = world.side(layer.ways[**k as usize]);
                dot(sub(q, s.a), s.out) > 0.0
            };
            let jumped = ways.iter().filter(beyond).filter_map(door).any(|[a, b]| crossing(p, q, a, b).is_some());
            return if length(sub(q, p)) <= step + 1e-4 && !jumped { q } else { p };
        }
        let away = sub(q, worst.1);
        let d = length(away);
        if d < 1e-6 {
            return p;
        }
        q = add_scaled(worst.1, away, (worst.2 + 1e-5) / d);
    }
    p
}

/// Sixteen values of a column.
#[inline(always)]
fn chunk(column: &[f32], c: usize) -> &Chunk {
    &column.as_chunks::<WIDTH>().0[c]
}

/// Reach of giving way to those who come towards one, m.
const ONCOMING_M: f32 = 0.5;
/// Strength of giving way, as a multiple of the wanted direction per person.
const GIVE_WAY: f32 = 0.6;
/// Who is less than this to the left of straight ahead, as a sine, is passed on the right like those on the left.
const KEEP_RIGHT: f32 = 0.2;

/// The push of all others: away from each, stronger the nearer they will be; and sideways from who comes towards one
/// (people keep to the right 靠右避让 when it is all the same).
#[inline(always)]
fn push_apart<S: Simd>(simd: S, crowd: &Crowd, v: &Viewer, params: &CrowdParams) -> V2 {
    let of = |value: f32| Lanes::of(simd, value);
    let zero = of(0.0);
    // No `array::map` here: it would leave the vector code.
    let (x, y, ax, ay) = (of(v.at[0]), of(v.at[1]), of(v.ahead[0]), of(v.ahead[1]));
    let (ex, ey) = (of(v.wish[0]), of(v.wish[1]));
    let (radius, reach2) = (of(v.radius), of(params.reach_m * params.reach_m));
    let (inv_range, push) = (of(1.0 / params.push_range_m), of(v.push));
    let (inv_oncoming, give_way, right) = (of(1.0 / ONCOMING_M), of(GIVE_WAY * params.give_way), of(-KEEP_RIGHT));
    let mut total: [Chunk; 3] = [[0.0; WIDTH]; 3];
    for c in 0..crowd.x.len() / WIDTH {
        let (cx, cy, cax, cay) = (chunk(&crowd.x, c), chunk(&crowd.y, c), chunk(&crowd.ax, c), chunk(&crowd.ay, c));
        let (cr, chx, chy) = (chunk(&crowd.r, c), chunk(&crowd.hx, c), chunk(&crowd.hy, c));
        for k in 0..Lanes::<S>::IN_CHUNK {
            let load = |c: &Chunk| Lanes::load(simd, c, k);
            let (dx, dy) = (x - load(cx), y - load(cy));
            let s2 = dx * dx + dy * dy;
            let here = s2.above(of(1e-8)).and(reach2.above(s2));
            let inv_s = of(1.0) / s2.max(of(1e-8)).sqrt();
            let (nx, ny) = (dx * inv_s, dy * inv_s);
            let anticipated = ((ax - load(cax)) * nx + (ay - load(cay)) * ny).max(zero);
            let l = radius + load(cr);
            let along = load(chx) * ex + load(chy) * ey;
            let close = ((l - anticipated) * inv_range).min(zero).exp();
            let oncoming = of(-0.3).above(along);
            let strength = here.choose(push * (of(1.5) - of(0.5) * along) * close, zero);
            (Lanes::load(simd, &total[0], k) + strength * nx).store(&mut total[0], k);
            (Lanes::load(simd, &total[1], k) + strength * ny).store(&mut total[1], k);
            let forward = zero - (nx * ex + ny * ey);
            let left = (ny * ex - nx * ey) * of(-1.0);
            let meets = here.and(forward.above(zero)).and(oncoming);
            let yields = give_way * (zero - along) * ((l - anticipated) * inv_oncoming).min(zero).exp();
            let signed = left.above(right).choose(zero - yields, yields);
            (Lanes::load(simd, &total[2], k) + meets.choose(signed, zero)).store(&mut total[2], k);
        }
    }
    let (px, py) = (sum(&total[0]), sum(&total[1]));
    let aside = sum(&total[2]).clamp(-1.0, 1.0);
    [px - v.wish[1] * aside, py + v.wish[0] * aside]
}

/// Bodies keep this much more than turned shoulders need, m: two who slide past one another at once lose it.
const MARGIN_M: f32 = 0.006;
/// Who stands beside rather than in front, up to this cosine, is never bumped into: one slides past.
const SLIDE: f32 = 0.1;

/// Free distance along `heading` before the nearest person in the way, and the longest step that touches nobody: less than
/// half of what separates the bodies, so that two who step towards one another still do not meet; both in m.
#[inline(always)]
fn free_way<S: Simd>(
    simd: S,
    crowd: &Crowd,
    v: &Viewer,
    heading: V2,
    turned: bool,
    params: &CrowdParams,
) -> (f32, f32) {
    let of = |value: f32| Lanes::of(simd, value);
    let (x, y, ex, ey) = (of(v.at[0]), of(v.at[1]), of(heading[0]), of(heading[1]));
    let reach_m = params.reach_m;
    let least_l = if turned { params.squeezed_m } else { f32::INFINITY };
    let (radius, least_l, far, reach2) = (of(v.radius), of(least_l), of(reach_m), of(reach_m * reach_m));
    let breadth = of(params.breadth);
    // With turned shoulders, who stands beside rather than in front is no hindrance.
    let slip = of(if turned { 0.3 } else { 0.0 });
    let (body, share, half, zero, slide) = (of(params.squeezed_m + MARGIN_M), of(0.45), of(0.5), of(0.0), of(SLIDE));
    let mut nearest: Chunk = [reach_m; WIDTH];
    let mut longest: Chunk = [reach_m; WIDTH];
    let (turned_l, against) = (of(params.squeezed_m), of(-0.3));
    for c in 0..crowd.x.len() / WIDTH {
        let (cx, cy, cr) = (chunk(&crowd.x, c), chunk(&crowd.y, c), chunk(&crowd.r, c));
        let (chx, chy) = (chunk(&crowd.hx, c), chunk(&crowd.hy, c));
        for k in 0..Lanes::<S>::IN_CHUNK {
            let load = |c: &Chunk| Lanes::load(simd, c, k);
            let (dx, dy) = (load(cx) - x, load(cy) - y);
            let s2 = dx * dx + dy * dy;
            // Two who meet turn their shoulders.
            let meets = against.above(load(chx) * ex + load(chy) * ey);
            let l = (radius + load(cr)).min(least_l);
            let l = meets.choose(l.min(turned_l), l);
            let forward = dx * ex + dy * ey;
            let beside = (ex * dy - ey * dx).abs();
            let s = s2.sqrt();
            let in_way =
                s2.above(of(1e-8)).and(reach2.above(s2)).and(forward.above(slip * s)).and((l * breadth).above(beside));
            let gap = in_way.choose(s - l, far);
            Lanes::load(simd, &nearest, k).min(gap).store(&mut nearest, k);
            // The step that would touch a body that stands: none when the way goes past it.
            let past = forward * forward - (s2 - body * body);
            let touch = half * (forward - past.max(zero).sqrt());
            let closing = forward.above(slide * s).and(past.above(zero)).and(s2.above(of(1e-8)));
            let step = closing.choose((share * (s - body) * s / forward).max(touch), far);
            Lanes::load(simd, &longest, k).min(step).store(&mut longest, k);
        }
    }
    (least(&nearest), least(&longest))
}
