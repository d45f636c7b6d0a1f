//! Constants of the gas and the list of species.

/// Gas constant of air (R_universal 8.314 46 / 0.028 964), J/(kg K). All layers use it, as zone models do (CFAST Technical
/// Reference Guide, NIST TN 1889v1, section on the predictive equations).
pub const R_AIR: f64 = 287.05;
/// Ratio of specific heats of air.
pub const GAMMA: f64 = 1.4;
/// Specific heat at constant pressure, J/(kg K); follows from the two above.
pub const CP: f64 = R_AIR * GAMMA / (GAMMA - 1.0);
/// Acceleration of gravity, m/s².
pub const GRAVITY: f64 = 9.806_65;
/// Stefan-Boltzmann constant, W/(m² K⁴).
pub const SIGMA: f64 = 5.670_374e-8;
/// 0 °C in kelvin.
pub const ZERO_C: f64 = 273.15;
/// Molar mass of air, kg/mol.
pub const M_AIR: f64 = 0.028_964;

/// Enthalpy per volume over pressure, cp/R.
pub(crate) const ENTHALPY: f64 = GAMMA / (GAMMA - 1.0);

/// What is followed beside the whole mass of a layer; the rest is nitrogen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(usize)]
pub enum Species {
    /// Oxygen (氧).
    Oxygen,
    /// Carbon dioxide (二氧化碳).
    CarbonDioxide,
    /// Carbon monoxide (一氧化碳).
    CarbonMonoxide,
    /// Hydrogen cyanide (氰化氢).
    HydrogenCyanide,
    /// Hydrogen chloride (氯化氢).
    HydrogenChloride,
    /// Soot (炭黑).
    Soot,
    /// Water vapour (水蒸气).
    Water,
    /// Unburnt fuel (未燃燃料).
    Fuel,
    /// A marked substance that takes part in nothing (示踪物).
    Trace,
}

impl Species {
    /// All of them, in the order of arrays.
    pub const ALL: [Self; SPECIES] = [
        Self::Oxygen,
        Self::CarbonDioxide,
        Self::CarbonMonoxide,
        Self::HydrogenCyanide,
        Self::HydrogenChloride,
        Self::Soot,
        Self::Water,
        Self::Fuel,
        Self::Trace,
    ];

    /// Molar mass, kg/mol (CODATA atomic weights).
    #[must_use]
    pub const fn molar_mass(self) -> f64 {
        match self {
            Self::Oxygen => 0.031_998,
            Self::CarbonDioxide => 0.044_009,
            Self::CarbonMonoxide => 0.028_010,
            Self::HydrogenCyanide => 0.027_025,
            Self::HydrogenChloride => 0.036_461,
            Self::Soot => 0.012_011,
            Self::Water => 0.018_015,
            Self::Fuel | Self::Trace => M_AIR,
        }
    }
}

/// Number of [`Species`].
pub const SPECIES: usize = 9;
