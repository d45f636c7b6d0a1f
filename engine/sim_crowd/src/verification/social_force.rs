//! Social force (社会力模型) as a check model: Helbing, Farkas, Vicsek (Nature 407, 2000) with their published parameters,
//! explicit Euler in `f64`. A second opinion on free walking and on doors, never the fast path.

use super::case::VerificationCase;
use super::rimea::corridor_time;
use super::scenes::{Manners, neck_flow};
use crate::{CrowdError, LayerKind};
use sim_core::CounterRng;

type P = [f64; 2];

/// Mass, kg.
const MASS_KG: f64 = 80.0;
/// Strength of the social force, N, and its range, m.
const SOCIAL: (f64, f64) = (2000.0, 0.08);
/// Stiffness of bodies, kg/s², and sliding friction, kg/(m s).
const BODY: (f64, f64) = (1.2e5, 2.4e5);
/// Time in which a person reaches the wanted speed, s.
const RELAX_S: f64 = 0.5;
/// Step, s.
const DT_S: f64 = 0.001;
/// Forces beyond this gap are below a thousandth of a newton and left out, m.
const FAR_M: f64 = 1.2;

struct Body {
    at: P,
    v: P,
    r: f64,
}

struct Scene {
    bodies: Vec<Body>,
    walls: Vec<[P; 2]>,
    /// Half the width of the neck, m.
    half_m: f64,
    wanted_mps: f64,
}

fn minus(a: P, b: P) -> P {
    [a[0] - b[0], a[1] - b[1]]
}

fn inner(a: P, b: P) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// Force on a body from something at distance `d` along the unit normal `n` towards the body; `gap` is the room between
/// both, `slip` the other's velocity less the body's.
fn contact(n: P, gap_m: f64, slip: P) -> P {
    let pressed = (-gap_m).max(0.0);
    let push = SOCIAL.0 * libm::exp(-gap_m / SOCIAL.1) + BODY.0 * pressed;
    let t = [-n[1], n[0]];
    let rub = BODY.1 * pressed * inner(slip, t);
    [push * n[0] + rub * t[0], push * n[1] + rub * t[1]]
}

impl Scene {
    fn wanted(&self, b: &Body) -> P {
        if b.at[0] > -0.1 {
            return [self.wanted_mps, 0.0];
        }
        let room = (self.half_m - b.r).max(0.0);
        let to = [0.2 - b.at[0], b.at[1].clamp(-room, room) - b.at[1]];
        let n = inner(to, to).sqrt();
        [self.wanted_mps * to[0] / n, self.wanted_mps * to[1] / n]
    }

    fn force(&self, i: usize) -> P {
        let b = &self.bodies[i];
        let e = self.wanted(b);
        let mut f = [0, 1].map(|k| MASS_KG * (e[k] - b.v[k]) / RELAX_S);
        let mut add = |from: P, other_r: f64, other_v: P| {
            let away = minus(b.at, from);
            let d = inner(away, away).sqrt();
            let gap = d - b.r - other_r;
            if gap < FAR_M && d > 1e-9 {
                let c = contact([away[0] / d, away[1] / d], gap, minus(other_v, b.v));
                f = [f[0] + c[0], f[1] + c[1]];
            }
        };
        for (j, o) in self.bodies.iter().enumerate() {
            if j != i && (o.at[0] - b.at[0]).abs() < 2.0 && (o.at[1] - b.at[1]).abs() < 2.0 {
                add(o.at, o.r, o.v);
            }
        }
        for [p, q] in &self.walls {
            let (along, to) = (minus(*q, *p), minus(b.at, *p));
            let k = (inner(to, along) / inner(along, along)).clamp(0.0, 1.0);
            add([p[0] + along[0] * k, p[1] + along[1] * k], 0.0, [0.0, 0.0]);
        }
        f
    }

    fn step(&mut self) {
        let forces: Vec<P> = (0..self.bodies.len()).map(|i| self.force(i)).collect();
        for (b, f) in self.bodies.iter_mut().zip(forces) {
            b.v = [0, 1].map(|k| b.v[k] + f[k] / MASS_KG * DT_S);
            b.at = [0, 1].map(|k| b.at[k] + b.v[k] * DT_S);
        }
    }
}

/// Flow of 40 people through a neck 2 m long, from the 20th to the 80th percentile, 1/s.
fn flow(width_m: f64, wanted_mps: f64) -> f64 {
    let h = 0.5 * width_m;
    let mut walls = Vec::new();
    for s in [-1.0, 1.0] {
        walls.push([[-6.0, s * 4.0], [0.0, s * 4.0]]);
        walls.push([[0.0, s * 4.0], [0.0, s * h]]);
        walls.push([[0.0, s * h], [2.0, s * h]]);
        walls.push([[2.0, s * h], [2.0, s * 4.0]]);
    }
    let body = |k: usize| {
        let mut rng = CounterRng::new(4, k as u64);
        let at = [-0.8 - 0.75 * (k / 8) as f64, -2.8 + 0.8 * (k % 8) as f64 + rng.range_f64(-0.05, 0.05)];
        Body { at, v: [0.0, 0.0], r: rng.range_f64(0.25, 0.35) }
    };
    let mut scene = Scene { bodies: (0..40).map(body).collect(), walls, half_m: h, wanted_mps };
    let mut times = Vec::new();
    for k in 0..120_000 {
        scene.step();
        let before = scene.bodies.len();
        scene.bodies.retain(|b| b.at[0] < 5.0);
        times.extend(std::iter::repeat_n(f64::from(k) * DT_S, before - scene.bodies.len()));
        if times.len() > 32 {
            return 24.0 / (times[32] - times[8]);
        }
    }
    f64::NAN
}

/// Crowds of the main model per neck: 40 people are few, one crowd is a tenth off the mean.
const SEEDS: u64 = 20;

pub(super) fn check_model(case: &mut VerificationCase) -> Result<(), CrowdError> {
    let alone = Body { at: [0.0, 0.0], v: [0.0, 0.0], r: 0.3 };
    let mut scene = Scene { bodies: vec![alone], walls: Vec::new(), half_m: 1.0, wanted_mps: 1.34 };
    let mut t = 0.0;
    while scene.bodies[0].at[0] < 40.0 && t < 60.0 {
        scene.step();
        t += DT_S;
    }
    // From a stand both models lose time: one v0 τ, the other its turn.
    let ours = corridor_time(40.0, 1.34, LayerKind::Floor(None), true)?;
    case.at_most("40 m at 1.34 m/s: |social force - main model|, s", (t - ours).abs(), 1.0, "Helbing et al. 2000");
    let social = [1.0, 1.2, 1.6].map(|b| flow(b, 1.34));
    for (b, j) in [1.0, 1.2, 1.6].into_iter().zip(social) {
        let flows = (0..SEEDS).map(|seed| Ok(neck_flow(b, 40, &Manners::default(), seed)?.flow_ps));
        let ours = flows.sum::<Result<f64, CrowdError>>()? / SEEDS as f64;
        let name = |what: &str| format!("{b} m neck, {what}: main model {ours:.2}/s over social force {j:.2}/s");
        case.at_least(&name("least"), ours / j, 0.9, "bodies 0.5 to 0.7 m with friction pass no faster");
        case.at_most(&name("most"), ours / j, 2.0, "nor at less than half");
    }
    case.at_least("social force: flow at 1.6 m less flow at 1 m, 1/s", social[2] - social[0], 0.0, "wider is faster");
    Ok(())
}
