//! Open ground from footprints: squares less what stands on them, opened to each other and to the exits.

use super::safety;
use crate::EvacError;
use geo::buffer::{Buffer, BufferStyle, LineJoin};
use geo::orient::{Direction, Orient};
use geo::{Area, BooleanOps, Coord, LineString, MultiPolygon, Polygon, unary_union};
use std::collections::BTreeMap;
use twin_model::{
    BuildingPlan, DefectLevel, EvacScenario, OpeningIndex, Outdoor, OutdoorExit, OutdoorGround, OutdoorJoin,
    OutdoorTile, PlanDefect, PlanOpening, PlanSpace, ScenarioError, ring_contains, ring_middle,
};

/// Side of a tile, m (our choice; any from 20 to 32 walks the same).
const TILE_M: f64 = 24.0;
/// Borders and pieces smaller than this are closed, m and m²: nobody passes.
const LEAST_GAP_M: f64 = 0.6;
const LEAST_PIECE_M2: f64 = 1.0;
/// Half of the thickest wall between two rooms, and of an outer wall beyond the rooms, m (our choice).
const WALL_M: f64 = 0.2;
/// How far before a door open ground is looked for, m: deep porches.
const PORCH_M: f64 = 8.0;
/// A porch is this much wider than its door on both sides, m.
const PORCH_SIDE_M: f64 = 0.3;
/// A door higher than this above the ground leads into the air; one lower has an outside stair that nobody has modelled, m.
const STEP_M: f64 = 1.5;
/// Thickness of a barrier, m.
const BARRIER_M: f64 = 0.2;
/// Rings are rounded to this, m.
const ROUND_M: f64 = 1e-3;

/// What stands round a building, in the plan's coordinates.
pub struct Surroundings<'a> {
    /// The building's own footprint, if the community has one.
    pub own: Vec<Vec<Vec<[f64; 2]>>>,
    /// Other buildings and water: polygons, outer ring first.
    pub obstacles: Vec<Vec<Vec<[f64; 2]>>>,
    /// Axes of roads.
    pub roads: Vec<Vec<[f64; 2]>>,
    /// Level of the ground, m; `None` where it is not known.
    pub level_m: &'a dyn Fn([f64; 2]) -> Option<f64>,
}

impl Surroundings<'_> {
    /// A building alone on level ground.
    #[must_use]
    pub fn nothing() -> Surroundings<'static> {
        Surroundings { own: vec![], obstacles: vec![], roads: vec![], level_m: &|_| None }
    }
}

/// An exit whose door is at the ground.
pub(crate) struct Door {
    pub opening: OpeningIndex,
    pub middle: [f64; 2],
    out: [f64; 2],
    /// Along the door, and half its width.
    along: [f64; 2],
    half_m: f64,
}

/// Ground under construction.
pub(crate) struct Site<'a> {
    pub plan: &'a BuildingPlan,
    pub scenario: &'a EvacScenario,
    pub outdoor: &'a Outdoor,
    /// The building's outline.
    pub own: MultiPolygon,
    pub doors: Vec<Door>,
    pub ground: OutdoorGround,
    /// Per tile: number of the connected part of the ground that it belongs to.
    pub part: Vec<usize>,
    polygons: Vec<Polygon>,
}

/// The ground round a building, out to `outdoor.radius_m`. Obstacles of the community are taken as they are; underpasses, gates and
/// slopes are not known to it. Exits that lead to no safety, and other doubts, are in its defects.
///
/// # Errors
/// [`EvacError::Scenario`] for an assembly area that is not on open ground or cannot be reached, [`EvacError::Plan`] for a
/// building without an exit from which safety can be reached.
pub fn ground_around(
    plan: &BuildingPlan,
    scenario: &EvacScenario,
    around: &Surroundings<'_>,
) -> Result<OutdoorGround, EvacError> {
    scenario.validate()?;
    let outdoor = scenario.outdoor.clone().unwrap_or_default();
    if let Some(d) = plan.check().into_iter().find(|d| d.level == DefectLevel::Error) {
        return Err(EvacError::Plan(d.to_string()));
    }
    let mut site = Site {
        plan,
        scenario,
        outdoor: &outdoor,
        own: MultiPolygon(vec![]),
        doors: vec![],
        ground: OutdoorGround { tile_m: TILE_M, ..OutdoorGround::default() },
        part: vec![],
        polygons: vec![],
    };
    let base_m = site.find_doors(around)?;
    site.own = own_outline(plan, around, base_m);
    let obstacles = site.obstacles(around);
    site.lay_tiles(&obstacles, around, base_m)?;
    site.join_tiles();
    site.number_parts();
    site.join_doors();
    safety::find(&mut site, around)?;
    Ok(site.ground)
}

fn polygon(rings: &[Vec<[f64; 2]>]) -> Option<Polygon> {
    let ring = |r: &Vec<[f64; 2]>| LineString(r.iter().map(|p| Coord { x: p[0], y: p[1] }).collect());
    let fine = |r: &&Vec<[f64; 2]>| r.len() >= 3 && r.iter().flatten().all(|v| v.is_finite());
    let outer = rings.first().filter(fine)?;
    let made = Polygon::new(ring(outer), rings[1..].iter().filter(fine).map(ring).collect());
    (made.unsigned_area() > 1e-3).then(|| made.orient(Direction::Default))
}

fn rectangle(at: [f64; 2], along: [f64; 2], [from, to]: [f64; 2], across: [f64; 2], [low, high]: [f64; 2]) -> Polygon {
    let p = |a: f64, b: f64| Coord { x: at[0] + a * along[0] + b * across[0], y: at[1] + a * along[1] + b * across[1] };
    let ring = LineString(vec![p(from, low), p(to, low), p(to, high), p(from, high)]);
    Polygon::new(ring, vec![]).orient(Direction::Default)
}

/// Footprint and rooms at the level of the ground, walls between and round them closed.
fn own_outline(plan: &BuildingPlan, around: &Surroundings<'_>, base_m: f64) -> MultiPolygon {
    let at_ground = |s: &&PlanSpace| s.floor_m < base_m + STEP_M && s.floor_m + s.height_m > base_m + 0.5;
    let style = || BufferStyle::new(WALL_M).line_join(LineJoin::Miter(0.5));
    let mut parts: Vec<Polygon> = around.own.iter().filter_map(|p| polygon(p)).collect();
    for s in plan.spaces.iter().filter(at_ground) {
        if let Some(p) = polygon(std::slice::from_ref(&s.outline)) {
            parts.extend(p.buffer_with_style(style()).0);
        }
    }
    unary_union(parts.iter())
}

impl Site<'_> {
    pub(crate) fn defect(&mut self, element: String, text: String) {
        self.ground.defects.push(PlanDefect { level: DefectLevel::Warning, element, text });
    }

    pub(crate) fn refuse(&self, field: &str, value: String, allowed: &str) -> EvacError {
        let (scenario, field, allowed) = (self.scenario.name.clone(), field.to_owned(), allowed.to_owned());
        ScenarioError { scenario, field, value, allowed }.into()
    }

    /// Exits at the ground; returns its level where the community knows none: that of the lowest exit.
    fn find_doors(&mut self, around: &Surroundings<'_>) -> Result<f64, EvacError> {
        let plan = self.plan;
        let mut found = Vec::new();
        for (k, o) in plan.openings.iter().enumerate().filter(|(_, o)| o.is_exit() && o.clear_width_m >= 0.3) {
            let Some(space) = o.sides.iter().flatten().next().map(|s| &plan.spaces[s.index()]) else { continue };
            if let Some(door) = door(OpeningIndex(k as u32), o, space) {
                found.push((door, space.floor_m));
            }
        }
        let lowest = found.iter().map(|f| f.1).fold(f64::INFINITY, f64::min);
        if !lowest.is_finite() {
            return Err(EvacError::Plan(format!("{}: no exit to the open air: nobody comes outside", plan.name)));
        }
        let mut base_m = f64::INFINITY;
        for (door, floor_m) in found {
            let ahead = [0, 1].map(|k| door.middle[k] + 2.0 * door.out[k]);
            let level_m = (around.level_m)(ahead).unwrap_or(lowest);
            let (element, opening) = (format!("exit {}", plan.openings[door.opening.index()].name), door.opening);
            if floor_m > level_m + STEP_M {
                self.defect(
                    element,
                    format!("leads out {:.1} m above the ground: nobody leaves by it", floor_m - level_m),
                );
                self.ground.exits.push(OutdoorExit { opening, tile: None, safe: false });
                continue;
            }
            if floor_m < level_m - STEP_M {
                let text = format!(
                    "lies {:.1} m below the ground before it: an outside stair is not modelled",
                    level_m - floor_m
                );
                self.defect(element, text);
            }
            base_m = base_m.min(level_m);
            self.doors.push(door);
        }
        Ok(if base_m.is_finite() { base_m } else { lowest })
    }

    /// All that stands there, less a porch before every door.
    fn obstacles(&self, around: &Surroundings<'_>) -> MultiPolygon {
        let mut parts: Vec<Polygon> = around.obstacles.iter().filter_map(|p| polygon(p)).collect();
        for line in self.outdoor.barriers.iter().map(|b| &b.line) {
            for w in line.windows(2) {
                let d = [w[1][0] - w[0][0], w[1][1] - w[0][1]];
                let size = (d[0] * d[0] + d[1] * d[1]).sqrt();
                if size > 1e-3 {
                    let (along, half) = (d.map(|v| v / size), 0.5 * BARRIER_M);
                    parts.push(rectangle(w[0], along, [-half, size + half], [-along[1], along[0]], [-half, half]));
                }
            }
        }
        let others = unary_union(parts.iter());
        let all = others.union(&self.own);
        let porches: Vec<Polygon> = self.doors.iter().filter_map(|d| d.porch(&all)).collect();
        all.difference(&unary_union(porches.iter()))
    }

    fn lay_tiles(&mut self, obstacles: &MultiPolygon, around: &Surroundings<'_>, base_m: f64) -> Result<(), EvacError> {
        let corners = || self.own.0.iter().flat_map(|p| &p.exterior().0);
        let low = [
            corners().map(|c| c.x).fold(f64::INFINITY, f64::min),
            corners().map(|c| c.y).fold(f64::INFINITY, f64::min),
        ];
        let high = [
            corners().map(|c| c.x).fold(f64::NEG_INFINITY, f64::max),
            corners().map(|c| c.y).fold(f64::NEG_INFINITY, f64::max),
        ];
        let radius = self.outdoor.radius_m;
        let squares = [0, 1].map(|k| ((high[k] - low[k] + 2.0 * radius) / TILE_M).ceil());
        if !squares.iter().all(|n| (1.0..=200.0).contains(n)) {
            return Err(EvacError::Plan(format!(
                "{}: is larger than 4 km: no ground is laid round it",
                self.plan.name
            )));
        }
        let squares = squares.map(|n| n + 1.0);
        // Corners on whole metres, so that borders are the same numbers on both sides; and no border through a door.
        let origin = [0, 1].map(|k| {
            let first = (low[k] - radius - TILE_M).ceil();
            let shifts = (0..TILE_M as u32).map(|s| first + f64::from(s));
            shifts.min_by_key(|o| self.doors.iter().filter(|d| d.is_cut(k, *o)).count()).unwrap_or(first)
        });
        (self.ground.origin, self.ground.squares) = (origin, squares.map(|n| n as u32));
        for (i, j) in (0..squares[1] as u32).flat_map(|j| (0..squares[0] as u32).map(move |i| (i, j))) {
            let at = [origin[0] + f64::from(i) * TILE_M, origin[1] + f64::from(j) * TILE_M];
            let middle = at.map(|v| v + 0.5 * TILE_M);
            if safety::distance_m(&self.own, middle) - TILE_M * std::f64::consts::FRAC_1_SQRT_2 > radius {
                continue;
            }
            let square = rectangle(at, [1.0, 0.0], [0.0, TILE_M], [0.0, 1.0], [0.0, TILE_M]);
            let level = |p: [f64; 2]| (around.level_m)(p).filter(|v| v.is_finite()).unwrap_or(base_m);
            let high = at.map(|v| v + TILE_M);
            let corners_m = [at, [high[0], at[1]], [at[0], high[1]], high].map(level);
            let near: Vec<Polygon> = obstacles.0.iter().filter(|p| touches(p, at, high)).cloned().collect();
            let free = square.difference(&MultiPolygon(near));
            let pieces: Vec<Polygon> = free.0.iter().filter_map(rounded).collect();
            for (k, piece) in pieces.iter().enumerate() {
                let letter =
                    if pieces.len() > 1 { format!("{}", (b'a' + (k % 26) as u8) as char) } else { String::new() };
                let ring = |l: &LineString| l.0[..l.0.len() - 1].iter().map(|c| [c.x, c.y]).collect::<Vec<_>>();
                self.ground.tiles.push(OutdoorTile {
                    name: format!("室外 {i}-{j}{letter}"),
                    square: [i, j],
                    outline: ring(piece.exterior()),
                    holes: piece.interiors().iter().map(ring).collect(),
                    floor_m: level(middle),
                    corners_m,
                });
                self.polygons.push(piece.clone());
            }
        }
        Ok(())
    }

    /// Opens pieces to each other where their edges lie on a common border.
    fn join_tiles(&mut self) {
        let mut by_square: BTreeMap<[u32; 2], Vec<u32>> = BTreeMap::new();
        for (k, t) in self.ground.tiles.iter().enumerate() {
            by_square.entry(t.square).or_default().push(k as u32);
        }
        let mut joins = Vec::new();
        for (square, pieces) in &by_square {
            for axis in [0, 1] {
                let mut next = *square;
                next[axis] += 1;
                let line = self.ground.origin[axis] + f64::from(next[axis]) * TILE_M;
                for (a, b) in
                    pieces.iter().flat_map(|a| by_square.get(&next).into_iter().flatten().map(move |b| (*a, *b)))
                {
                    let spans = |t: u32| spans_on(&self.polygons[t as usize], axis, line);
                    for [from, to] in common(&spans(a), &spans(b)) {
                        let end = |v: f64| if axis == 0 { [line, v] } else { [v, line] };
                        joins.push(OutdoorJoin { tiles: [a, b], ends: [end(from), end(to)] });
                    }
                }
            }
        }
        self.ground.joins = joins;
    }

    fn number_parts(&mut self) {
        let n = self.ground.tiles.len();
        let mut part = vec![usize::MAX; n];
        for first in 0..n {
            let mut queue = if part[first] == usize::MAX { vec![first] } else { vec![] };
            while let Some(t) = queue.pop() {
                if part[t] != usize::MAX {
                    continue;
                }
                part[t] = first;
                let beside = self.ground.joins.iter().map(|j| j.tiles.map(|t| t as usize));
                queue.extend(beside.filter_map(|[a, b]| if a == t { Some(b) } else { (b == t).then_some(a) }));
            }
        }
        self.part = part;
    }

    /// The piece before each door.
    fn join_doors(&mut self) {
        let doors = std::mem::take(&mut self.doors);
        for d in &doors {
            let ahead = |far: f64| [0, 1].map(|k| d.middle[k] + far * d.out[k]);
            let tile = self.tile_at(ahead(0.25)).filter(|t| self.has_edge(*t, d));
            if tile.is_none() {
                let element = format!("exit {}", self.plan.openings[d.opening.index()].name);
                self.defect(element, format!("no open ground within {PORCH_M} m before it: nobody leaves by it"));
            }
            self.ground.exits.push(OutdoorExit { opening: d.opening, tile, safe: false });
        }
        self.doors = doors;
        self.ground.exits.sort_by_key(|e| e.opening);
    }

    /// Whether a wall of the piece runs along the door.
    fn has_edge(&self, tile: u32, d: &Door) -> bool {
        let Some(p) = self.polygons.get(tile as usize) else { return false };
        let along = |a: &Coord, b: &Coord| {
            let off = |c: &Coord| ((c.x - d.middle[0]) * d.out[0] + (c.y - d.middle[1]) * d.out[1]).abs();
            let at = |c: &Coord| (c.x - d.middle[0]) * d.along[0] + (c.y - d.middle[1]) * d.along[1];
            let (low, high) = (at(a).min(at(b)), at(a).max(at(b)));
            off(a) < 0.3 && off(b) < 0.3 && low < -d.half_m + 0.05 && high > d.half_m - 0.05
        };
        std::iter::once(p.exterior()).chain(p.interiors()).any(|r| r.0.windows(2).any(|w| along(&w[0], &w[1])))
    }

    /// The piece of ground that a point lies on.
    pub(crate) fn tile_at(&self, p: [f64; 2]) -> Option<u32> {
        let within = |t: &OutdoorTile| {
            let space = |ring: &Vec<[f64; 2]>| ring_contains(ring, p);
            space(&t.outline) && !t.holes.iter().any(space)
        };
        self.ground.tiles.iter().position(within).map(|k| k as u32)
    }
}

fn door(opening: OpeningIndex, o: &PlanOpening, space: &PlanSpace) -> Option<Door> {
    let d = [o.ends[1][0] - o.ends[0][0], o.ends[1][1] - o.ends[0][1]];
    let size = (d[0] * d[0] + d[1] * d[1]).sqrt();
    if !(size.is_finite() && size > 1e-6) {
        return None;
    }
    let along = d.map(|v| v / size);
    let middle = [0, 1].map(|k| 0.5 * (o.ends[0][k] + o.ends[1][k]));
    let normal = [along[1], -along[0]];
    let beside = |s: f64| space.contains([middle[0] + 0.4 * s * normal[0], middle[1] + 0.4 * s * normal[1]]);
    let side = match [beside(1.0), beside(-1.0)] {
        [true, false] => -1.0,
        [false, true] => 1.0,
        _ => {
            // A thick wall, or a corner: away from the middle of the room.
            let centre = ring_middle(&space.outline);
            let away = (middle[0] - centre[0]) * normal[0] + (middle[1] - centre[1]) * normal[1];
            if away < 0.0 { -1.0 } else { 1.0 }
        }
    };
    Some(Door { opening, middle, out: normal.map(|v| side * v), along, half_m: 0.5 * o.clear_width_m })
}

impl Door {
    /// Whether a border of tiles that begin at `origin` runs through the door.
    fn is_cut(&self, axis: usize, origin: f64) -> bool {
        let half = self.half_m + PORCH_SIDE_M + 0.1;
        let corner = |a: f64, b: f64| self.middle[axis] + a * self.along[axis] + b * self.out[axis];
        let corners = [corner(half, 0.0), corner(-half, 0.0), corner(half, 0.4), corner(-half, 0.4)];
        let square = |v: f64| ((v - origin) / TILE_M).floor();
        corners.iter().any(|c| square(*c) != square(corners[0]))
    }

    /// What is taken out before the door, from its line to the nearest open ground; `None` when there is none within [`PORCH_M`].
    fn porch(&self, all: &MultiPolygon) -> Option<Polygon> {
        let free = |far: f64| {
            let at = [0, 1].map(|k| self.middle[k] + far * self.out[k]);
            safety::distance_m(all, at) > 0.05
        };
        let deep = (1..=(PORCH_M * 10.0) as u32).map(|k| 0.1 * f64::from(k)).find(|far| free(*far))?;
        let half = self.half_m + PORCH_SIDE_M;
        Some(rectangle(self.middle, self.out, [0.0, deep.max(0.5) + 0.1], self.along, [-half, half]))
    }
}

fn touches(p: &Polygon, low: [f64; 2], high: [f64; 2]) -> bool {
    let corners = || p.exterior().0.iter();
    let span = |of: fn(&Coord) -> f64| {
        (corners().map(of).fold(f64::INFINITY, f64::min), corners().map(of).fold(f64::NEG_INFINITY, f64::max))
    };
    let ((x0, x1), (y0, y1)) = (span(|c| c.x), span(|c| c.y));
    x1 >= low[0] && x0 <= high[0] && y1 >= low[1] && y0 <= high[1]
}

/// The piece with corners on whole millimetres, none twice; `None` when too small to stand on.
fn rounded(p: &Polygon) -> Option<Polygon> {
    let ring = |l: &LineString| {
        let round = |v: f64| (v / ROUND_M).round() * ROUND_M;
        let mut list: Vec<Coord> = Vec::new();
        for c in l.0.iter().map(|c| Coord { x: round(c.x), y: round(c.y) }) {
            if list.last() != Some(&c) {
                list.push(c);
            }
        }
        (list.len() >= 4).then_some(LineString(list))
    };
    let holes =
        p.interiors().iter().filter_map(ring).filter(|r| Polygon::new(r.clone(), vec![]).unsigned_area() > 0.02);
    let made = Polygon::new(ring(p.exterior())?, holes.collect()).orient(Direction::Default);
    (made.unsigned_area() >= LEAST_PIECE_M2).then_some(made)
}

/// Parts of a border (`axis` = `line`) that are edges of a piece.
fn spans_on(p: &Polygon, axis: usize, line: f64) -> Vec<[f64; 2]> {
    let of = |c: &Coord| if axis == 0 { [c.x, c.y] } else { [c.y, c.x] };
    let on = |c: &Coord| (of(c)[0] - line).abs() < 2.0 * ROUND_M;
    let rings = std::iter::once(p.exterior()).chain(p.interiors());
    let edges = rings.flat_map(|r| r.0.windows(2)).filter(|w| on(&w[0]) && on(&w[1]));
    let mut list: Vec<[f64; 2]> =
        edges.map(|w| [of(&w[0])[1], of(&w[1])[1]]).map(|[a, b]| [a.min(b), a.max(b)]).collect();
    list.sort_by(|a, b| a[0].total_cmp(&b[0]));
    // Pieces of one straight edge are one.
    let mut out: Vec<[f64; 2]> = Vec::new();
    for s in list {
        match out.last_mut() {
            Some(last) if s[0] - last[1] < 2.0 * ROUND_M => last[1] = last[1].max(s[1]),
            _ => out.push(s),
        }
    }
    out
}

fn common(a: &[[f64; 2]], b: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let pairs = a.iter().flat_map(|p| b.iter().map(move |q| [p[0].max(q[0]), p[1].min(q[1])]));
    pairs.filter(|s| s[1] - s[0] >= LEAST_GAP_M).collect()
}
