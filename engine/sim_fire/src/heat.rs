//! Heat between gas, fire and walls: convection, grey radiation of two layers, conduction.
//!
//! All exchange is by pairs, so none is lost. A wall is solved implicitly from its back to its face; the gas is damped by
//! 1/(1 + K dt) so that a thin layer cannot overshoot.

use crate::gas::{CP, SIGMA, Species};
use crate::lane::V;
use crate::model::{CELLS, Room, SURFACES, Sweep, WALL, Wall};

/// What the exchange of one space needs.
pub(crate) struct Exchange<'a, const L: usize> {
    pub room: &'a Room,
    pub walls: &'a [Wall],
    pub sweeps: &'a [Sweep],
    pub dt: f64,
    /// Temperatures, masses, volumes of lower and upper layer.
    pub temperature: [V<L>; 2],
    pub mass: [V<L>; 2],
    pub volume: [V<L>; 2],
    /// Mass by layer, kg.
    pub soot: [V<L>; 2],
    pub co2: [V<L>; 2],
    pub water: [V<L>; 2],
    /// Height of the interface above the floor, m.
    pub interface: V<L>,
    /// Radiated by fires in the space, W.
    pub radiated: V<L>,
    /// Speed of the ceiling jet, m/s.
    pub jet: V<L>,
}

/// Natural convection, h = C ΔT^(1/3) W/(m² K) (McAdams 1954): C = 1.52 where it is unstable (hot gas below a ceiling, cool gas
/// above a floor), 1.31 along walls, half of 1.52 where it is stable.
#[inline(always)]
fn natural<const L: usize>(surface: usize, excess: V<L>) -> V<L> {
    let unstable = match surface {
        0 => excess.gt(V::default()),
        3 => V::default().gt(excess),
        _ => return excess.abs().cbrt() * 1.31,
    };
    V::select(unstable, V::splat(1.52), V::splat(0.76)) * excess.abs().cbrt()
}

/// Absorptivity of a layer: soot by 1186 f_v T per metre (Tien, Lee & Stretton, SFPE Handbook, soot of 1800 kg/m³), gas by
/// 0.42 (p L)^(1/3) in atm m, a fit of our own to Hottel's charts for carbon dioxide and water within about 20 %.
#[inline(always)]
fn absorptivity<const L: usize>(x: &Exchange<'_, L>, layer: usize, path: V<L>) -> V<L> {
    let per_volume = V::splat(1.0) / x.volume[layer];
    let soot = x.soot[layer] * per_volume * x.temperature[layer] * (1186.0 / 1800.0);
    let (co2, water) = (x.co2[layer], x.water[layer]);
    let kelvin = x.temperature[layer] * per_volume * (8.314_46 / 101_325.0);
    let atm =
        (co2 * (1.0 / Species::CarbonDioxide.molar_mass()) + water * (1.0 / Species::Water.molar_mass())) * kelvin;
    let gas = ((atm * path).at_least(0.0).cbrt() * 0.42).at_most(0.6);
    V::splat(1.0) - (V::splat(1.0) - gas) * (-(soot * path)).exp()
}

/// (a² + b²)(a + b) σ: conductance of black surfaces, W/(m² K).
#[inline(always)]
fn radiant<const L: usize>(a: V<L>, b: V<L>) -> V<L> {
    (a * a + b * b) * (a + b) * SIGMA
}

/// Heat to lower and upper layer, W; the walls move on by `dt`.
#[inline(always)]
pub(crate) fn exchange<const L: usize>(x: &Exchange<'_, L>, wall_k: &mut [V<L>]) -> [V<L>; 2] {
    let r = x.room;
    let one = V::splat(1.0);
    let floor_area = V::splat(r.area);
    let upper_wall = (V::splat(r.height) - x.interface) * r.perimeter;
    let lower_wall = x.interface * r.perimeter;
    let area = [floor_area, upper_wall, lower_wall, floor_area];
    let per_floor = V::splat(1.0 / r.area);
    let per_area = [per_floor, one / upper_wall.at_least(1e-6), one / lower_wall.at_least(1e-6), per_floor];
    let path = |layer: usize, side: V<L>| x.volume[layer] * 3.6 / (floor_area * 2.0 + side);
    let alpha = [absorptivity(x, 0, path(0, lower_wall)), absorptivity(x, 1, path(1, upper_wall))];
    // Share of each surface in its half of the space.
    let up = floor_area / (floor_area + upper_wall);
    let low = floor_area / (floor_area + lower_wall);
    let share = [up, one - up, one - low, low];
    // Conductances from surface to lower and upper gas, per area; heat put on the surface, W.
    let mut film = [[V::default(); 2]; SURFACES];
    let mut onto = [V::default(); SURFACES];
    let mut into = [V::default(); SURFACES];
    let mut heat = [V::default(); 2];
    for s in 0..SURFACES {
        let near = usize::from(s < 2);
        let far = 1 - near;
        let direct = x.radiated * 0.5 * share[s] * (one - alpha[near]);
        heat[near] += x.radiated * 0.5 * share[s] * alpha[near];
        if r.walls[s] == crate::model::NONE {
            heat[near] += direct;
            continue;
        }
        onto[s] = direct;
        let face = wall_k[s * WALL];
        let emissivity = x.walls[r.walls[s] as usize].emissivity;
        let mut convection = natural(s, x.temperature[near] - face);
        if s == 0 {
            // Forced flow over a plate, 5.7 + 3.8 u (McAdams 1954; Jürges 1924), where a fire drives a ceiling jet.
            let forced = V::select(x.jet.gt(V::default()), x.jet * 3.8 + 5.7, V::default());
            convection = convection.max(forced);
        }
        film[s][near] = convection + radiant(x.temperature[near], face) * alpha[near] * emissivity;
        let through = alpha[far] * (one - alpha[near]) * emissivity * floor_area * share[s] * per_area[s];
        film[s][far] = radiant(x.temperature[far], face) * through;
    }
    between_surfaces(x, &per_area, &share, &alpha, wall_k, &mut into);
    // Damping of the gas.
    let gas = radiant(x.temperature[0], x.temperature[1]) * alpha[0] * alpha[1] * floor_area;
    let mut touch = [gas, gas];
    for s in 0..SURFACES {
        for layer in 0..2 {
            touch[layer] += film[s][layer] * area[s];
        }
    }
    // Not by a closure over layers: such are not inlined into the code for the machine's vectors.
    let mut damp = [one; 2];
    for k in 0..2 {
        damp[k] = one / (one + touch[k] * x.dt / (x.mass[k] * CP));
    }
    let across = gas * damp[0].min(damp[1]) * (x.temperature[1] - x.temperature[0]);
    heat[0] += across;
    heat[1] -= across;
    for s in 0..SURFACES {
        if r.walls[s] == crate::model::NONE {
            continue;
        }
        let (wall, sweep) = (&x.walls[r.walls[s] as usize], &x.sweeps[r.walls[s] as usize]);
        let film = [film[s][0] * damp[0], film[s][1] * damp[1]];
        let put = [onto[s] * per_area[s], into[s] * per_area[s]];
        let face = conduct(wall, sweep, film, x.temperature, put, &mut wall_k[s * WALL..]);
        for layer in 0..2 {
            heat[layer] -= film[layer] * area[s] * (x.temperature[layer] - face);
        }
        // What a vanishing surface could not take goes to the gas beside it.
        let taken = area[s] * per_area[s];
        heat[usize::from(s < 2)] += (onto[s] + into[s]) * (one - taken);
    }
    heat
}

/// Radiation from the upper to the lower surfaces through both layers. It is exchanged by the first cells, whose heat holds it
/// steady; faces have none.
#[inline(always)]
fn between_surfaces<const L: usize>(
    x: &Exchange<'_, L>,
    per_area: &[V<L>; SURFACES],
    share: &[V<L>; SURFACES],
    alpha: &[V<L>; 2],
    wall_k: &[V<L>],
    into: &mut [V<L>; SURFACES],
) {
    let one = V::splat(1.0);
    let clear = (one - alpha[0]) * (one - alpha[1]) * x.room.area;
    for s in 0..2 {
        for t in 2..SURFACES {
            let (ws, wt) = (x.room.walls[s], x.room.walls[t]);
            if ws == crate::model::NONE || wt == crate::model::NONE {
                continue;
            }
            let (a, b) = (&x.walls[ws as usize], &x.walls[wt as usize]);
            let (hot, cold) = (wall_k[s * WALL + 1], wall_k[t * WALL + 1]);
            let g = clear * share[s] * share[t] * radiant(hot, cold) * (a.emissivity * b.emissivity);
            let inertia = per_area[s] * (1.0 / a.capacity[0]) + per_area[t] * (1.0 / b.capacity[0]);
            let flow = g / (one + g * inertia * x.dt) * (hot - cold);
            into[s] -= flow;
            into[t] += flow;
        }
    }
}

/// One implicit step of a wall with heat put on its face and into its first cell, W/m²; returns the new temperature of the
/// face.
#[inline(always)]
fn conduct<const L: usize>(
    wall: &Wall,
    sweep: &Sweep,
    film: [V<L>; 2],
    gas: [V<L>; 2],
    [onto, into]: [V<L>; 2],
    k: &mut [V<L>],
) -> V<L> {
    let mut fixed = [V::default(); CELLS];
    let mut passed = V::splat(wall.back_k) * wall.outward[CELLS - 1];
    for j in (1..CELLS).rev() {
        fixed[j] = (k[1 + j] * sweep.held[j] + passed) * sweep.inverse[j];
        passed = fixed[j] * wall.outward[j - 1];
    }
    let total = film[0] + film[1];
    let source = film[0] * gas[0] + film[1] * gas[1] + onto;
    let through = V::splat(1.0) / (total + wall.skin);
    let part = through * wall.skin;
    let first = (k[1] * sweep.held[0] + passed + into + part * source) / (part * total + sweep.front);
    k[1] = first;
    for j in 1..CELLS {
        k[1 + j] = fixed[j] + k[j] * sweep.share[j];
    }
    k[0] = (first * wall.skin + source) * through;
    k[0]
}

/// Radiant flux on a person standing in the lower layer, W/m²: from the upper layer and what shines through it.
pub(crate) fn flux_below(upper_k: f64, outer_k: f64, soot_kgpm3: f64, depth_m: f64) -> f64 {
    let kappa = 1186.0 * soot_kgpm3 / 1800.0 * upper_k;
    // Half a metre of hot gas with combustion products passes for grey with at least 0.2 (see `absorptivity`).
    let emissivity = (1.0 - crate::lane::exp(-kappa * 1.8 * depth_m)).max(0.2 * (depth_m / 0.5).min(1.0));
    let (a, b) = (upper_k * upper_k, outer_k * outer_k);
    (emissivity * SIGMA * (a * a - b * b)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lining;
    use crate::model::Model;

    /// Thick concrete under constant flux: face rise 2 q √(t / (π k ρ c)) (Carslaw & Jaeger 1959).
    #[test]
    fn half_space_under_constant_flux() {
        let lining = Lining::named("concrete", 0.3).expect("known");
        let mut b = crate::NetworkBuilder::new(crate::Ambient::default());
        b.space("r", crate::Space::new(10.0, 3.0, 0.0).lined(&lining)).expect("good");
        let model = Model::new(b.build().expect("good"));
        let wall = &model.walls[0];
        let dt = 1.0;
        let sweep = Sweep::new(wall, dt);
        let mut k = [V::<1>::splat(293.15); WALL];
        for _ in 0..600 {
            conduct(wall, &sweep, [V::default(); 2], [V::default(); 2], [V::splat(2000.0), V::default()], &mut k);
        }
        let exact = 2.0 * 2000.0 * (600.0 / (std::f64::consts::PI * 1.6 * 2400.0 * 750.0)).sqrt();
        let rise = k[0].0[0] - 293.15;
        assert!((rise / exact - 1.0).abs() < 0.05, "{rise} {exact}");
    }

    /// A thin wall between two airs ends on the straight line of its resistances.
    #[test]
    fn a_wall_comes_to_the_steady_line() {
        let lining = Lining::named("gypsum", 0.016).expect("known");
        let mut b = crate::NetworkBuilder::new(crate::Ambient::default());
        b.space("r", crate::Space::new(10.0, 3.0, 0.0).lined(&lining)).expect("good");
        let model = Model::new(b.build().expect("good"));
        let wall = &model.walls[0];
        let sweep = Sweep::new(wall, 5.0);
        let mut k = [V::<1>::splat(293.15); WALL];
        for _ in 0..4000 {
            conduct(wall, &sweep, [V::splat(8.0), V::default()], [V::splat(393.15); 2], [V::default(); 2], &mut k);
        }
        let resistance = 1.0 / 8.0 + 0.016 / 0.16 + 1.0 / 10.0;
        let face = 393.15 - 100.0 / resistance / 8.0;
        assert!((k[0].0[0] - face).abs() < 0.01, "{} {face}", k[0].0[0]);
    }
}
