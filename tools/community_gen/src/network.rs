//! Storm drains: a tree of manholes that falls to outfalls at the river or to the pump station.

use crate::geom::{Pt, along, dist, length};
use crate::plan::{CommunityPlan, LaneKind, SIZE_M};
use crate::terrain::{BANK_TO_CREST_M, bank_at};

/// Least cover from the ground to a pipe's invert at its upper end, metres.
const COVER_M: f64 = 1.5;
/// Least slope of a pipe.
const SLOPE: f64 = 0.0018;
/// Distance between manholes on streets, metres.
const STREET_STEP_M: f64 = 38.0;
/// Distance between manholes on lanes, metres.
const LANE_STEP_M: f64 = 34.0;

/// What runs through a manhole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Water {
    /// 雨水.
    Rain,
    /// 污水.
    Sewage,
}

impl Water {
    /// Chinese word.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Rain => "雨水",
            Self::Sewage => "污水",
        }
    }
}

/// A manhole.
pub struct Manhole {
    /// Code, unique.
    pub code: String,
    /// Rain or sewage.
    pub water: Water,
    /// Where.
    pub at: Pt,
    /// Height of the cover, metres.
    pub ground_m: f64,
    /// Height of the lowest pipe, metres.
    pub invert_m: f64,
    /// Manhole below, if any.
    pub down: Option<usize>,
    /// Lot, if it lies inside one.
    pub lot: Option<usize>,
    /// Outfall at the river or sump of the pump station.
    pub outlet: Outlet,
}

/// Where the water leaves the net.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlet {
    /// It does not leave here.
    None,
    /// Free outfall into the river.
    River,
    /// Sump of the pump station.
    Pump,
}

impl Outlet {
    /// Chinese word, empty for none.
    pub fn zh(self) -> &'static str {
        match self {
            Self::None => "",
            Self::River => "排江口",
            Self::Pump => "泵站前池",
        }
    }
}

/// A pipe between two manholes.
pub struct Pipe {
    /// Code, unique.
    pub code: String,
    /// Upper manhole.
    pub from: usize,
    /// Lower manhole.
    pub to: usize,
    /// Inner diameter, millimetres.
    pub diameter_mm: u32,
    /// Invert at the upper end, metres.
    pub invert_up_m: f64,
    /// Invert at the lower end, metres.
    pub invert_down_m: f64,
}

/// The drains of the community.
#[derive(Default)]
pub struct Drainage {
    /// Manholes.
    pub manholes: Vec<Manhole>,
    /// Pipes of the rain net.
    pub pipes: Vec<Pipe>,
}

struct Tree<'a> {
    plan: &'a CommunityPlan,
    nodes: Vec<Manhole>,
}

impl Tree<'_> {
    fn add(&mut self, at: Pt, down: Option<usize>, lot: Option<usize>, outlet: Outlet) -> usize {
        let ground_m = self.plan.ground(at);
        self.nodes.push(Manhole {
            code: String::new(),
            water: Water::Rain,
            at,
            ground_m,
            invert_m: 0.0,
            down,
            lot,
            outlet,
        });
        self.nodes.len() - 1
    }

    /// A chain of manholes along `line` (upper end last) that falls into `down`.
    fn chain(&mut self, line: &[Pt], step: f64, down: usize, lot: Option<usize>) {
        let total = length(line);
        let count = (total / step).floor().max(1.0);
        let each = total / count;
        let mut below = down;
        for k in 1..=count as u32 {
            let at = along(line, each * f64::from(k)).0;
            if self.nodes.iter().any(|n| dist(n.at, at) < 6.0) {
                continue;
            }
            below = self.add(at, Some(below), lot, Outlet::None);
        }
    }

    fn nearest(&self, at: Pt) -> usize {
        let d = |i: &usize| dist(self.nodes[*i].at, at);
        (0..self.nodes.len()).min_by(|a, b| d(a).total_cmp(&d(b))).unwrap_or(0)
    }
}

/// Designs the net on a plan whose terrain stands.
pub fn design(plan: &CommunityPlan) -> Drainage {
    let mut tree = Tree { plan, nodes: Vec::new() };
    trunks(&mut tree);
    pump_catchment(&mut tree);
    cross_streets(&mut tree);
    lanes(&mut tree);
    let mut manholes = tree.nodes;
    let upstream = set_inverts(&mut manholes);
    name(&mut manholes, "YS");
    let pipes = pipes(&manholes, &upstream);
    let mut sewage = sewage(plan);
    name(&mut sewage, "WS");
    manholes.append(&mut sewage);
    Drainage { manholes, pipes }
}

/// Trunk sewers down the streets that lead to the river.
fn trunks(tree: &mut Tree<'_>) {
    for k in 4..9 {
        let street = &tree.plan.streets[k].line;
        let foot = street[0];
        let x = foot[0].clamp(6.0, SIZE_M[0] - 6.0) + 2.5;
        let outlet = tree.add([x, bank_at(x) - 2.0], None, None, Outlet::River);
        let dike = tree.add([x, bank_at(x) + BANK_TO_CREST_M + 14.0], Some(outlet), None, Outlet::None);
        let shifted: Vec<Pt> = street.iter().map(|p| [p[0] + 2.5, (p[1]).min(SIZE_M[1] - 4.0)]).collect();
        tree.chain(&shifted, STREET_STEP_M, dike, None);
    }
}

/// The low pocket behind the embankment drains to the pump station.
fn pump_catchment(tree: &mut Tree<'_>) {
    let gap = tree.plan.gap;
    let x = gap[0] + 62.0;
    let sump = tree.add([x, bank_at(x) + BANK_TO_CREST_M + 16.0], None, None, Outlet::Pump);
    let road = &tree.plan.streets[0].line;
    let (west, east) = (tree.plan.streets[5].line[0], tree.plan.streets[6].line[0]);
    let on_road = |x: f64| -> Pt {
        let d = |s: &f64| (along(road, *s).0[0] - x).abs();
        let best = (0..600).map(|k| f64::from(k) * 2.0).min_by(|a, b| d(a).total_cmp(&d(b))).unwrap_or(0.0);
        along(road, best).0
    };
    let start = tree.add(on_road(x), Some(sump), None, Outlet::None);
    let sweep =
        |from: f64, to: f64| (0..=8).map(|k| on_road(from + (to - from) * f64::from(k) / 8.0)).collect::<Vec<_>>();
    tree.chain(&sweep(x, west[0] + 24.0), STREET_STEP_M, start, None);
    tree.chain(&sweep(x, east[0] - 24.0), STREET_STEP_M, start, None);
}

/// Streets across drain from their middle to the trunk at either end.
fn cross_streets(tree: &mut Tree<'_>) {
    for j in 0..4 {
        let line = tree.plan.streets[j].line.clone();
        for i in 1..line.len() - 2 {
            if j == 0 && i == 2 {
                continue; // goes to the pump station
            }
            let middle = crate::geom::lerp(line[i], line[i + 1], 0.5);
            for end in [line[i], line[i + 1]] {
                let down = tree.nearest(end);
                let start = crate::geom::lerp(end, middle, 0.12);
                tree.chain(&[start, middle], STREET_STEP_M, down, None);
            }
        }
    }
}

/// Internal roads drain to the nearest manhole of a street.
fn lanes(tree: &mut Tree<'_>) {
    let lanes: Vec<(Vec<Pt>, usize)> = tree
        .plan
        .lanes
        .iter()
        .filter(|l| l.kind == LaneKind::Internal)
        .filter_map(|l| l.lot.map(|lot| (l.line.clone(), lot)))
        .collect();
    for (mut line, lot) in lanes {
        let (a, b) = (line[0], line[line.len() - 1]);
        let (na, nb) = (tree.nearest(a), tree.nearest(b));
        let from_end = dist(tree.nodes[nb].at, b) < dist(tree.nodes[na].at, a);
        if from_end {
            line.reverse();
        }
        tree.chain(&line, LANE_STEP_M, if from_end { nb } else { na }, Some(lot));
    }
}

/// Computes inverts downwards and gives the number of manholes above each one.
fn set_inverts(nodes: &mut [Manhole]) -> Vec<u32> {
    let mut upstream = vec![0u32; nodes.len()];
    let mut waiting = vec![0u32; nodes.len()];
    for n in nodes.iter() {
        if let Some(d) = n.down {
            waiting[d] += 1;
        }
    }
    for n in nodes.iter_mut() {
        n.invert_m = n.ground_m - COVER_M;
        if n.outlet == Outlet::River {
            n.invert_m = 16.2;
        }
    }
    let mut ready: Vec<usize> = (0..nodes.len()).filter(|i| waiting[*i] == 0).collect();
    while let Some(i) = ready.pop() {
        let Some(d) = nodes[i].down else { continue };
        let fall = SLOPE * dist(nodes[i].at, nodes[d].at);
        upstream[d] += upstream[i] + 1;
        nodes[d].invert_m = nodes[d].invert_m.min(nodes[i].invert_m - fall);
        waiting[d] -= 1;
        if waiting[d] == 0 {
            ready.push(d);
        }
    }
    upstream
}

fn name(nodes: &mut [Manhole], prefix: &str) {
    for (i, n) in nodes.iter_mut().enumerate() {
        n.code = format!("{prefix}{:04}", i + 1);
    }
}

fn pipes(nodes: &[Manhole], upstream: &[u32]) -> Vec<Pipe> {
    let mut out = Vec::new();
    for (i, n) in nodes.iter().enumerate() {
        let Some(to) = n.down else { continue };
        let diameter_mm = match upstream[i] {
            0..=4 => 300,
            5..=12 => 500,
            13..=26 => 800,
            27..=60 => 1200,
            _ => 1500,
        };
        out.push(Pipe {
            code: format!("GX{:04}", out.len() + 1),
            from: i,
            to,
            diameter_mm,
            invert_up_m: n.invert_m,
            invert_down_m: (n.invert_m - SLOPE * dist(n.at, nodes[to].at)).max(nodes[to].invert_m),
        });
    }
    out
}

/// Sewage manholes beside the streets' rain net.
fn sewage(plan: &CommunityPlan) -> Vec<Manhole> {
    let mut out = Vec::new();
    for street in &plan.streets {
        for (at, _) in crate::geom::stations(&street.line, 22.0, 42.0, -street.carriage_m * 0.25) {
            let inside = (2.0..SIZE_M[0] - 2.0).contains(&at[0]) && (2.0..SIZE_M[1] - 2.0).contains(&at[1]);
            if inside {
                let ground_m = plan.ground(at);
                out.push(Manhole {
                    code: String::new(),
                    water: Water::Sewage,
                    at,
                    ground_m,
                    invert_m: ground_m - 3.2,
                    down: None,
                    lot: None,
                    outlet: Outlet::None,
                });
            }
        }
    }
    out
}
