//! What the numbers kept per layer mean.
//!
//! Vents, plumes and layers treat all gases alike, so that what a fire makes stays in its proportions: the mass, what has burnt and
//! what has not give every species. Three numbers per layer instead of ten. Where a member burns several fuels, or a fan filters
//! some species and not others, each species is kept by itself.

use crate::gas::{SPECIES, Species};
use crate::lane::V;
use crate::model::Model;
use crate::{Member, VentKind};

/// Mass, fuel burnt, fuel not burnt.
pub(crate) const LEAN: usize = 3;
/// Mass, then every species.
pub(crate) const FULL: usize = SPECIES + 1;

/// How the numbers of a layer give its species.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mixture<const L: usize> {
    /// Numbers per layer: [`LEAN`] or [`FULL`].
    pub width: usize,
    /// kg made of each species per kg burnt.
    made: [V<L>; SPECIES],
    /// kg added to a layer per kg burnt: the fuel and its trace.
    added: V<L>,
    /// Mass fractions of the air outside.
    outer: [f64; SPECIES],
    /// Heat of the fuel, J/kg, and the part that is radiated.
    pub heat: [V<L>; 2],
    /// Oxygen by volume below which it does not burn.
    pub lower_oxygen: V<L>,
}

impl<const L: usize> Mixture<L> {
    pub fn new(model: &Model, members: &[Member]) -> Self {
        let mut mixture = Self {
            width: LEAN,
            made: [V::default(); SPECIES],
            added: V::splat(1.0),
            outer: model.outer_y,
            heat: [V::default(); 2],
            lower_oxygen: V::splat(1.0),
        };
        for lane in 0..L {
            let fires = &members[lane.min(members.len() - 1)].fires;
            let Some(first) = fires.first() else { continue };
            let made = first.fuel.made();
            if fires.iter().any(|f| f.fuel.made() != made) {
                mixture.width = FULL;
            }
            for x in 0..SPECIES {
                mixture.made[x].0[lane] = made[x];
            }
            mixture.heat[0].0[lane] = first.fuel.heat_kjpkg * 1e3;
            mixture.heat[1].0[lane] = mixture.heat[0].0[lane] * first.fuel.radiative_share;
            mixture.lower_oxygen.0[lane] = first.lower_oxygen;
            mixture.added.0[lane] = 1.0 + made[Species::Trace as usize];
        }
        let filters = |kind: VentKind| matches!(kind, VentKind::Fan { filter, .. } if filter > 0.0);
        if model.pipes.iter().any(|p| filters(p.kind)) {
            mixture.width = FULL;
        }
        mixture
    }

    /// Mass of a species in the gas of a layer, or its rate in those of its change.
    #[inline(always)]
    pub fn species(&self, gas: &[V<L>], x: usize) -> V<L> {
        if gas.len() != LEAN {
            return gas[x + 1];
        }
        let air = gas[0] - gas[1] * self.added - gas[2];
        let products = air * self.outer[x] + gas[1] * self.made[x];
        if x == Species::Fuel as usize { products + gas[2] } else { products }
    }

    /// The same for both layers.
    #[inline(always)]
    pub fn pair<const G: usize>(&self, layers: [&[V<L>; G]; 2], x: Species) -> [V<L>; 2] {
        [self.species(layers[0], x as usize), self.species(layers[1], x as usize)]
    }

    /// The same for one member.
    pub fn one(&self, gas: &[V<L>], x: usize, lane: usize) -> f64 {
        if gas.len() != LEAN {
            return gas[x + 1].0[lane];
        }
        let air = gas[0].0[lane] - gas[1].0[lane] * self.added.0[lane] - gas[2].0[lane];
        let products = air * self.outer[x] + gas[1].0[lane] * self.made[x].0[lane];
        if x == Species::Fuel as usize { products + gas[2].0[lane] } else { products }
    }

    /// kg of a species made per kg burnt, by member.
    #[inline(always)]
    pub fn per_kg(&self, x: Species) -> V<L> {
        self.made[x as usize]
    }

    /// Numbers of clean air of a mass.
    pub fn air(&self, mass: V<L>) -> Vec<V<L>> {
        let mut gas = vec![mass];
        if self.width == LEAN {
            gas.resize(LEAN, V::default());
        } else {
            gas.extend(self.outer.map(|y| mass * y));
        }
        gas
    }

    /// Everything that must agree for a snapshot to mean the same.
    pub fn numbers(&self) -> Vec<f64> {
        let made = self.made.iter().flat_map(|v| v.0);
        [self.width as f64].into_iter().chain(made).chain(self.added.0).chain(self.outer).collect()
    }
}
