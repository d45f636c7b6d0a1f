//! What came, what went, what is left over.

use crate::gas::{SPECIES, Species};

/// Account of one quantity. Rates are summed over the steps.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Account {
    /// In the spaces at the start.
    pub initial: f64,
    /// Made by fires (negative: used).
    pub made: f64,
    /// Entered through vents from outside less what left.
    pub entered: f64,
    /// Given to walls, filters and sinks.
    pub lost: f64,
}

impl Account {
    /// What the spaces should hold.
    #[must_use]
    pub fn expected(&self) -> f64 {
        self.initial + self.made + self.entered - self.lost
    }
}

/// Accounts of one member: mass kg, species kg, energy J (above that of air at the outer pressure).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Ledger {
    /// All gas.
    pub mass: Account,
    /// By [`Species`].
    pub species: [Account; SPECIES],
    /// Energy: `made` by fires, `entered` by vents, `lost` to walls.
    pub energy: Account,
    /// Heat wanted by fires and not released in them for want of oxygen, J; part of it may be released in door jets.
    pub starved_j: f64,
    /// Sum of all that moved in and out, kg and J, the scales of the errors below.
    pub moved: [f64; 2],
}

impl Ledger {
    pub(crate) const NUMBERS: usize = 4 * (SPECIES + 2) + 3;

    /// Account of a species.
    #[must_use]
    pub const fn of(&self, species: Species) -> &Account {
        &self.species[species as usize]
    }

    fn accounts(&self) -> impl Iterator<Item = &Account> {
        [&self.mass, &self.energy].into_iter().chain(&self.species)
    }

    pub(crate) fn numbers(&self) -> Vec<f64> {
        let mut out: Vec<f64> = self.accounts().flat_map(|a| [a.initial, a.made, a.entered, a.lost]).collect();
        out.extend([self.starved_j, self.moved[0], self.moved[1]]);
        out
    }

    pub(crate) fn from_numbers(v: &[f64]) -> Self {
        let account =
            |k: usize| Account { initial: v[4 * k], made: v[4 * k + 1], entered: v[4 * k + 2], lost: v[4 * k + 3] };
        let end = 4 * (SPECIES + 2);
        Self {
            mass: account(0),
            energy: account(1),
            species: std::array::from_fn(|s| account(s + 2)),
            starved_j: v[end],
            moved: [v[end + 1], v[end + 2]],
        }
    }
}

/// How well the accounts of a member close.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closure {
    /// Greatest error of mass and species over the gas that was there or moved.
    pub mass: f64,
    /// Error of energy over the energy moved.
    pub energy: f64,
}
