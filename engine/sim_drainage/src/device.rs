//! Flow laws of pumps, orifices, weirs, outlets and openings.
//!
//! Orifices and weirs follow EPA SWMM Reference Manual, Volume II, Hydraulics (EPA/600/R-17/111, 2017), chapter 6, with
//! submergence after Villemonte (1947).

use crate::network::{Opening as OrificeOpening, Orifice, Outlet, Pump, PumpCurve, Rating, Weir, WeirForm};
use crate::{OpeningLaw, Surface};
use libm::pow;

/// Head differences below this, m, follow a straight line instead of the root, whose slope is infinite at 0.
const SMALL_M: f64 = 1e-4;
/// Step of the difference quotients, m.
const DELTA_M: f64 = 1e-5;

/// Flow and its slopes over the head of `from` and of `to`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Rate {
    pub q: f64,
    pub by_from: f64,
    pub by_to: f64,
}

/// Square root with a straight start.
fn root(x: f64) -> f64 {
    if x >= SMALL_M { x.sqrt() } else { x.max(0.0) / SMALL_M.sqrt() }
}

/// Evaluates a law and its slopes, forced to the signs that keep the solver stable.
pub(crate) fn with_slopes(h1: f64, h2: f64, law: impl Fn(f64, f64) -> f64) -> Rate {
    let slope = |up: f64, down: f64| (up - down) / (2.0 * DELTA_M);
    Rate {
        q: law(h1, h2),
        by_from: slope(law(h1 + DELTA_M, h2), law(h1 - DELTA_M, h2)).max(0.0),
        by_to: slope(law(h1, h2 + DELTA_M), law(h1, h2 - DELTA_M)).min(0.0),
    }
}

/// Villemonte's factor for water `down` above the crest behind a weir with `up` before it.
fn submergence(up: f64, down: f64, exponent: f64) -> f64 {
    if down <= 0.0 || up <= 0.0 {
        return 1.0;
    }
    let ratio = (down / up).min(1.0);
    let rest = 1.0 - if exponent == 1.5 { ratio * ratio.sqrt() } else { pow(ratio, exponent) };
    // Straight to 0 in the last thousandth, where the slope of the power is infinite.
    if rest < 1e-3 { pow(1e-3, 0.385) * rest / 1e-3 } else { pow(rest, 0.385) }
}

/// Applies a law for the higher head upstream to either direction.
fn both_ways(h1: f64, h2: f64, flap: bool, law: impl Fn(f64, f64) -> f64) -> f64 {
    if h1 >= h2 {
        law(h1, h2)
    } else if flap {
        0.0
    } else {
        -law(h2, h1)
    }
}

/// Orifice flow, m3/s. `invert_m` is the bottom of `from`.
pub(crate) fn orifice(o: &Orifice, invert_m: f64, g: f64, h1: f64, h2: f64) -> f64 {
    let crest = invert_m + o.offset_m;
    let (area, height, rim) = match o.opening {
        OrificeOpening::Circular { diameter_m: d } => (0.25 * std::f64::consts::PI * d * d, d, std::f64::consts::PI * d),
        OrificeOpening::Rect { height_m: h, width_m: b } => (h * b, h, 2.0 * (h + b)),
    };
    let c = o.coefficient * area;
    both_ways(h1, h2, o.flap_gate, |up, down| {
        if up <= crest {
            return 0.0;
        }
        if o.bottom {
            // Below this head the rim acts as a weir (coefficient 0.414 of a broad crest).
            let critical = o.coefficient * area / (0.414 * rim);
            let head = up - down.max(crest);
            let f = head / critical;
            if f >= 1.0 { c * (2.0 * g).sqrt() * root(head) } else { c * (2.0 * g * critical).sqrt() * f * root_of(f) }
        } else if up >= crest + height {
            c * (2.0 * g).sqrt() * root(up - down.max(crest + 0.5 * height))
        } else {
            let f = (up - crest) / height;
            c * (g * height).sqrt() * f * root_of(f) * submergence(up - crest, down - crest, 1.5)
        }
    })
}

fn root_of(f: f64) -> f64 {
    f.max(0.0).sqrt()
}

/// Weir flow, m3/s. `invert_m` is the bottom of `from`.
pub(crate) fn weir(w: &Weir, invert_m: f64, h1: f64, h2: f64) -> f64 {
    let crest = invert_m + w.crest_m;
    let top = w.height_m;
    both_ways(h1, h2, w.flap_gate, |up, down| {
        if up <= crest {
            return 0.0;
        }
        let head = up - crest;
        if head <= top {
            return free_weir(w, head) * submergence(head, down - crest, weir_exponent(w));
        }
        if w.can_surcharge {
            // Orifice that carries the same flow when the water just touches the top.
            let c = free_weir(w, top) / (0.5 * top).sqrt();
            return c * root(up - down.max(crest + 0.5 * top));
        }
        free_weir(w, top) * submergence(head, down - crest, weir_exponent(w))
    })
}

const fn weir_exponent(w: &Weir) -> f64 {
    match w.form {
        WeirForm::Transverse | WeirForm::Trapezoidal { .. } => 1.5,
        WeirForm::SideFlow => 5.0 / 3.0,
        WeirForm::VNotch { .. } => 2.5,
    }
}

fn free_weir(w: &Weir, head: f64) -> f64 {
    let three_halves = head * head.sqrt();
    match w.form {
        WeirForm::Transverse => w.coefficient * (w.length_m - 0.1 * w.contractions * head).max(0.0) * three_halves,
        WeirForm::SideFlow => w.coefficient * pow(w.length_m, 0.83) * pow(head, 5.0 / 3.0),
        WeirForm::VNotch { side_slope } => w.coefficient * side_slope * three_halves * head,
        WeirForm::Trapezoidal { side_slope, end_coefficient } => {
            w.coefficient * (w.length_m - 0.1 * w.contractions * head).max(0.0) * three_halves
                + end_coefficient * side_slope * three_halves * head
        }
    }
}

/// Outlet flow, m3/s.
pub(crate) fn outlet(o: &Outlet, invert_m: f64, h1: f64, h2: f64) -> f64 {
    let bottom = invert_m + o.offset_m;
    both_ways(h1, h2, o.flap_gate, |up, down| {
        let depth = if o.by_head { up - down.max(bottom) } else { up - bottom };
        if depth <= 0.0 {
            return 0.0;
        }
        match &o.rating {
            Rating::Curve(c) => {
                let first = c.points().first().map_or(0.0, |p| p.0);
                if depth < first { 0.0 } else { c.at(depth).0 }
            }
            Rating::Power { coefficient, exponent } if *exponent < 1.0 && depth < SMALL_M => {
                coefficient * pow(SMALL_M, *exponent) * depth / SMALL_M
            }
            Rating::Power { coefficient, exponent } => coefficient * pow(depth, *exponent),
        }
    })
}

/// Whether a pump runs after looking at the depth of its inlet.
pub(crate) fn pump_is_on(p: &Pump, was_on: bool, depth_m: f64) -> bool {
    if was_on { p.stop_depth_m <= 0.0 || depth_m >= p.stop_depth_m } else { p.start_depth_m > 0.0 && depth_m > p.start_depth_m }
}

/// Pump flow, m3/s; step curves use the volume and depth at the start of the step.
pub(crate) fn pump(p: &Pump, step_flow: f64, invert_m: f64, h1: f64, h2: f64) -> Rate {
    match &p.curve {
        PumpCurve::VolumeSteps(_) | PumpCurve::DepthSteps(_) | PumpCurve::Ideal => {
            Rate { q: step_flow, ..Rate::default() }
        }
        PumpCurve::Head(c) => {
            let (q, slope) = c.at((h2 - h1).max(0.0));
            Rate { q, by_from: (-slope).max(0.0), by_to: slope.min(0.0) }
        }
        PumpCurve::Depth(c) => {
            let (q, slope) = c.at(h1 - invert_m);
            Rate { q, by_from: slope.max(0.0), by_to: 0.0 }
        }
    }
}

/// Which formula of a manhole holds, chosen by the water at the start of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Regime {
    FreeWeir,
    SubmergedWeir,
    Orifice,
}

pub(crate) fn regime(law: &OpeningLaw, ground_m: f64, head_m: f64, surface: &Surface) -> Regime {
    let OpeningLaw::Manhole { area_m2, perimeter_m, .. } = law else { return Regime::Orifice };
    let depth = surface.level_m - ground_m;
    if head_m > surface.level_m.max(ground_m) {
        Regime::Orifice
    } else if head_m < ground_m {
        Regime::FreeWeir
    } else if depth < area_m2 / perimeter_m {
        Regime::SubmergedWeir
    } else {
        Regime::Orifice
    }
}

/// Flow from a node (head `h`) to the surface, m3/s; negative into the sewer.
pub(crate) fn opening(law: &OpeningLaw, regime: Regime, ground_m: f64, g: f64, h: f64, surface: &Surface) -> f64 {
    let depth = (surface.level_m - ground_m).max(0.0);
    let above = h - surface.level_m.max(ground_m);
    let below = surface.level_m - h.max(ground_m);
    let two_g = (2.0 * g).sqrt();
    match law {
        OpeningLaw::Manhole { area_m2, perimeter_m, orifice, free_weir, submerged_weir } => {
            if above > 0.0 {
                return orifice * area_m2 * two_g * root(above);
            }
            match regime {
                Regime::FreeWeir => -2.0 / 3.0 * free_weir * perimeter_m * two_g * depth * depth.sqrt(),
                Regime::SubmergedWeir => -submerged_weir * perimeter_m * depth * two_g * root(below),
                Regime::Orifice => -orifice * area_m2 * two_g * root(below),
            }
        }
        OpeningLaw::Grate { area_m2, perimeter_m, clogging } => {
            let clear = 1.0 - clogging;
            let orifice = |head: f64| 0.67 * clear * area_m2 * two_g * root(head);
            if above > 0.0 {
                return orifice(above);
            }
            let weir = 1.66 * clear * perimeter_m * below.max(0.0) * below.max(0.0).sqrt();
            -weir.min(orifice(below))
        }
    }
}
