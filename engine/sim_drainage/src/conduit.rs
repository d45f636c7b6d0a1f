//! Momentum of one conduit over one step.
//!
//! The form of the Saint-Venant momentum equation of link-node models (EPA SWMM Reference Manual, Volume II, 2017, eq. 3-11
//! to 3-20): inertia, slope of the water surface, friction (Manning) and local losses, with areas at both ends and in the
//! middle. Here the heads are taken at the new time with weight theta, which couples all nodes.

use crate::device::Rate;
use crate::params::{Damping, NormalLimit};
use crate::section::{Flow, Section};
use crate::{Conduit, DrainageParams};
use libm::cbrt;

/// Greatest velocity used in friction and inertia, m/s (50 ft/s, as SWMM).
const FASTEST_MPS: f64 = 15.24;
/// Depth below which an end is dry, m.
const DRY_M: f64 = 1e-5;

/// Depth at one end and whether the node's head sets it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct End {
    /// Bottom of the pipe there, metres above datum.
    pub z_m: f64,
    /// Depth, m.
    pub y_m: f64,
    /// `true`: the node's water reaches into the pipe; `false`: the depth is given (free fall, outfall).
    pub joined: bool,
}

/// Q = a + b h_from - b h_to over the heads of joined ends, with limits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Law {
    constant: f64,
    by_from: f64,
    by_to: f64,
    /// Normal flow of the upstream end as (flow, slope over its head, head it was taken at).
    limit: Option<Limit>,
    /// 1: only from -> to, -1: only back, 0: both ways.
    way: i8,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Limit {
    at_from: bool,
    q: f64,
    slope: f64,
    head: f64,
}

impl Law {
    /// Flow and slopes at two heads, m3/s, of all barrels.
    pub(crate) fn at(&self, h1: f64, h2: f64) -> Rate {
        let q = self.constant + self.by_from * h1 - self.by_to * h2;
        if f64::from(self.way) * q < 0.0 {
            return Rate::default();
        }
        if let Some(l) = &self.limit {
            let h = if l.at_from { h1 } else { h2 };
            let most = (l.q + l.slope * (h - l.head)).max(0.0);
            let slope = if most > 0.0 { l.slope } else { 0.0 };
            if l.at_from && q > most {
                return Rate { q: most, by_from: slope, by_to: 0.0 };
            }
            if !l.at_from && -q > most {
                return Rate { q: -most, by_from: 0.0, by_to: -slope };
            }
        }
        Rate { q, by_from: self.by_from, by_to: -self.by_to }
    }
}

/// State of the conduit at the start of the step, per barrel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Before {
    /// Flow, m3/s.
    pub q: f64,
    /// Area in the middle, m2.
    pub area_m2: f64,
    /// Head difference from - to, m.
    pub drop_m: f64,
}

/// Factor of the inertial terms: 1 for tranquil flow, 0 for shooting flow.
fn inertia(damping: Damping, froude: f64, full: bool) -> f64 {
    if full {
        return 0.0;
    }
    match damping {
        Damping::Full => 0.0,
        Damping::None => 1.0,
        Damping::Partial => (2.0 * (1.0 - froude)).clamp(0.0, 1.0),
    }
}

/// Depth of water in the pipe at an end, m: pressure is no depth.
fn inside(section: &Section, end: &End) -> f64 {
    if section.is_open() { end.y_m } else { end.y_m.min(section.full_depth_m()) }
}

/// Flow area in the middle of a conduit.
pub(crate) fn middle(section: &Section, ends: &[End; 2]) -> Flow {
    section.flow(0.5 * (inside(section, &ends[0]) + inside(section, &ends[1])))
}

/// Law of a conduit for a step of `dt` from `before`, with areas and friction at the latest ends and flow.
pub(crate) fn law(
    conduit: &Conduit,
    section: &Section,
    p: &DrainageParams,
    dt: f64,
    before: &Before,
    ends: &[End; 2],
    q_latest: f64,
    way: i8,
) -> Law {
    let full_depth = section.full_depth_m();
    let full = ends.iter().all(|e| e.y_m >= full_depth) && !section.is_open();
    let head = [ends[0].z_m + ends[0].y_m, ends[1].z_m + ends[1].y_m];
    let forward = head[0] >= head[1];
    let upstream = &ends[usize::from(!forward)];
    let mid = middle(section, ends);
    if upstream.y_m <= DRY_M || mid.area_m2 <= 1e-9 {
        return Law { way, ..Law::default() };
    }
    let at = [section.flow(ends[0].y_m), section.flow(ends[1].y_m)];
    let v = (q_latest / mid.area_m2).clamp(-FASTEST_MPS, FASTEST_MPS);
    let froude = if full { 0.0 } else { v.abs() / (p.gravity_mps2 * mid.area_m2 / mid.width_m.max(1e-9)).sqrt() };
    let sigma = inertia(p.damping, froude, full);
    // Towards the upstream end as the flow becomes shooting.
    let up = &at[usize::from(!forward)];
    let weight = if !full && (q_latest >= 0.0) == forward { inertia(Damping::Partial, froude, full) } else { 1.0 };
    let area = up.area_m2 + (mid.area_m2 - up.area_m2) * weight;
    let radius = up.radius_m + (mid.radius_m - up.radius_m) * weight;
    // The state given is that of the middle of the step, hence twice the change of area so far.
    let change =
        4.0 * v * (mid.area_m2 - before.area_m2) + dt * v * v * (at[1].area_m2 - at[0].area_m2) / conduit.length_m;
    let pull = dt * p.gravity_mps2 * area / conduit.length_m;
    let drag = p.gravity_mps2 * conduit.manning * conduit.manning / (radius * cbrt(radius)).max(1e-9)
        + 0.5 * loss_factor(conduit, &at, &mid, q_latest) / conduit.length_m;
    // Friction dt drag v^2 with the velocity it leaves: v (1 + dt drag v) = driving velocity.
    let driven = ((before.q + sigma * change + pull * (head[0] - head[1])) / mid.area_m2).abs();
    let left = 2.0 * driven / (1.0 + (1.0 + 4.0 * dt * drag * driven).sqrt());
    let resistance = 1.0 + dt * drag * left.min(FASTEST_MPS);
    let n = f64::from(conduit.barrels);
    let own = (before.q + sigma * change + (1.0 - p.theta) * pull * before.drop_m) / resistance;
    let b = p.theta * pull / resistance;
    let part = |e: &End, h: f64| if e.joined { (n * b, 0.0) } else { (0.0, n * b * h) };
    let ((by_from, fixed_from), (by_to, fixed_to)) = (part(&ends[0], head[0]), part(&ends[1], head[1]));
    let fastest = q_latest.abs().max(left * mid.area_m2);
    let q = if q_latest == 0.0 { if forward { fastest } else { -fastest } } else { fastest * q_latest.signum() };
    let limit = normal_limit(conduit, section, p, ends, &at, q);
    Law { constant: n * own + fixed_from - fixed_to, by_from, by_to, limit, way }
}

/// Sum of the local losses, each with the square of its velocity relative to the middle.
fn loss_factor(conduit: &Conduit, at: &[Flow; 2], mid: &Flow, q: f64) -> f64 {
    let [entry, exit, along] = conduit.losses;
    if entry == 0.0 && exit == 0.0 {
        return along;
    }
    let (first, second) = if q >= 0.0 { (0, 1) } else { (1, 0) };
    let ratio = |a: f64| if a > 1e-9 { (mid.area_m2 / a).min(10.0) } else { 0.0 };
    entry * ratio(at[first].area_m2) + exit * ratio(at[second].area_m2) + along
}

/// Normal flow of the upstream end where it bounds the flow.
fn normal_limit(
    conduit: &Conduit,
    section: &Section,
    p: &DrainageParams,
    ends: &[End; 2],
    at: &[Flow; 2],
    q: f64,
) -> Option<Limit> {
    let slope = (ends[0].z_m - ends[1].z_m) / conduit.length_m;
    let (u, d) = if slope > 0.0 { (0, 1) } else { (1, 0) };
    let towards = if u == 0 { q >= 0.0 } else { q <= 0.0 };
    let full = section.full_depth_m();
    if slope == 0.0 || !towards || p.normal_limit == NormalLimit::Never {
        return None;
    }
    if ends[u].y_m >= full || ends[u].y_m <= DRY_M {
        return None;
    }
    let by_slope = matches!(p.normal_limit, NormalLimit::Slope | NormalLimit::Both) && ends[u].y_m < ends[d].y_m;
    let shooting = || {
        let f = &at[u];
        let celerity2 = p.gravity_mps2 * f.area_m2 / f.width_m.max(1e-9);
        let v = q / f.area_m2.max(1e-9);
        v * v >= celerity2
    };
    let by_froude = matches!(p.normal_limit, NormalLimit::Froude | NormalLimit::Both) && shooting();
    if !(by_slope || by_froude) {
        return None;
    }
    let (factor, rise) = section.section_factor(ends[u].y_m);
    let k = f64::from(conduit.barrels) * slope.abs().sqrt() / conduit.manning;
    let joined = ends[u].joined;
    let head = ends[u].z_m + ends[u].y_m;
    Some(Limit { at_from: u == 0, q: k * factor, slope: if joined { k * rise } else { 0.0 }, head })
}

/// Depth of water leaving over an end in free fall: the smaller of critical and normal depth (m). `down_slope` is the fall
/// towards that end per length.
pub(crate) fn free_depth(conduit: &Conduit, section: &Section, g: f64, q: f64, down_slope: f64) -> f64 {
    let critical = section.critical_depth(q.abs() / g.sqrt());
    critical.min(normal_depth(conduit, section, q, down_slope))
}

/// Normal depth, m; full depth where there is none.
pub(crate) fn normal_depth(conduit: &Conduit, section: &Section, q: f64, down_slope: f64) -> f64 {
    if down_slope > 1e-9 {
        section.depth_of_factor(q.abs() * conduit.manning / down_slope.sqrt())
    } else {
        section.full_depth_m()
    }
}
