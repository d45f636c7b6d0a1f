//! Fires: what burns, where and how fast (火源).

use crate::error::{bad, check};
use crate::network::{at_time, check_schedule};
use crate::{FireError, Network, PlumeModel, SPECIES, SpaceId, Species};
use serde::{Deserialize, Serialize};

/// Growth classes of t² fires: the time to 1055 kW is 600, 300, 150, 75 s (NFPA 72, annex B; NFPA 92).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Growth {
    /// 600 s (慢速).
    Slow,
    /// 300 s (中速).
    Medium,
    /// 150 s (快速).
    Fast,
    /// 75 s (超快速).
    Ultrafast,
}

impl Growth {
    /// Growth coefficient, kW/s².
    #[must_use]
    pub const fn alpha_kwps2(self) -> f64 {
        match self {
            Self::Slow => 0.00293,
            Self::Medium => 0.01172,
            Self::Fast => 0.0469,
            Self::Ultrafast => 0.1876,
        }
    }
}

/// Heat release wanted over time; oxygen may allow less.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeatCurve {
    /// α (t - start)², up to a maximum.
    Squared {
        /// Growth coefficient, kW/s², 0 to 10.
        alpha_kwps2: f64,
        /// Maximum, kW, 0 to 1 000 000.
        peak_kw: f64,
        /// Start, s.
        start_s: f64,
    },
    /// (time s, kW), straight between, held after the last.
    Table(Vec<(f64, f64)>),
}

impl HeatCurve {
    /// Heat release rate, kW.
    #[must_use]
    pub fn at_kw(&self, t_s: f64) -> f64 {
        match self {
            Self::Squared { alpha_kwps2, peak_kw, start_s } => {
                let t = (t_s - start_s).max(0.0);
                (alpha_kwps2 * t * t).min(*peak_kw)
            }
            Self::Table(list) if list.first().is_none_or(|e| t_s < e.0) => 0.0,
            Self::Table(list) => at_time(list, t_s, 0.0),
        }
    }

    fn check(&self, name: &str) -> Result<(), FireError> {
        match self {
            Self::Squared { alpha_kwps2, peak_kw, start_s } => {
                check("fire", name, "alpha_kwps2", *alpha_kwps2, 0.0, 10.0)?;
                check("fire", name, "peak_kw", *peak_kw, 0.0, 1e6)?;
                check("fire", name, "start_s", *start_s, -1e9, 1e9)
            }
            Self::Table(list) => check_schedule("fire", name, "table_kw", list, 1e6),
        }
    }
}

/// Composition and yields. Masses balance: carbon not in carbon monoxide, soot or hydrogen cyanide leaves as carbon dioxide,
/// hydrogen as water, chlorine as hydrogen chloride, the oxygen needed comes from the air.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fuel {
    /// Atoms of C, H, O, N, Cl in the formula, 0 to 1000.
    pub atoms: [f64; 5],
    /// Heat of combustion (燃烧热), kJ/kg, 1000 to 150 000.
    pub heat_kjpkg: f64,
    /// Share of the heat that is radiated (辐射份额), 0 to 0.8.
    pub radiative_share: f64,
    /// kg of carbon monoxide per kg burnt, 0 to 1.
    pub co_yield: f64,
    /// kg of soot per kg burnt, 0 to 0.8.
    pub soot_yield: f64,
    /// kg of hydrogen cyanide per kg burnt, 0 to 0.5.
    pub hcn_yield: f64,
    /// kg of trace per kg burnt, on top of the rest, 0 to 1.
    pub trace_yield: f64,
}

impl Fuel {
    /// Methane without soot, as in NIST's verification cases.
    pub const METHANE: Self = Self {
        atoms: [1.0, 4.0, 0.0, 0.0, 0.0],
        heat_kjpkg: 50_000.0,
        radiative_share: 0.35,
        co_yield: 0.0,
        soot_yield: 0.0,
        hcn_yield: 0.0,
        trace_yield: 0.0,
    };
    /// Wood (SFPE Handbook, 5th ed., appendix 3, red oak: 0.004 CO, 0.015 soot, 12.4 MJ/kg chemical; formula CH1.7O0.72).
    pub const WOOD: Self = Self {
        atoms: [1.0, 1.7, 0.72, 0.0, 0.0],
        heat_kjpkg: 12_400.0,
        radiative_share: 0.35,
        co_yield: 0.004,
        soot_yield: 0.015,
        hcn_yield: 0.0,
        trace_yield: 0.0,
    };
    /// Flexible polyurethane foam (SFPE Handbook, 5th ed., appendix 3, GM21: CH1.8O0.3N0.05, 17.8 MJ/kg chemical, 0.010 CO,
    /// 0.131 soot; hydrogen cyanide 0.003 of the order found in well-ventilated tests).
    pub const POLYURETHANE: Self = Self {
        atoms: [1.0, 1.8, 0.3, 0.05, 0.0],
        heat_kjpkg: 17_800.0,
        radiative_share: 0.46,
        co_yield: 0.010,
        soot_yield: 0.131,
        hcn_yield: 0.003,
        trace_yield: 0.0,
    };

    /// kg made (negative: used) of each species per kg burnt.
    #[must_use]
    pub fn made(&self) -> [f64; SPECIES] {
        const MASS: [f64; 5] = [0.012_011, 0.001_008, 0.015_999, 0.014_007, 0.035_453];
        let molar: f64 = self.atoms.iter().zip(MASS).map(|(n, m)| n * m).sum();
        let [c, h, o, _, cl] = self.atoms.map(|n| n / molar); // mol per kg of fuel
        let co = self.co_yield / Species::CarbonMonoxide.molar_mass();
        let soot = self.soot_yield / Species::Soot.molar_mass();
        let hcn = self.hcn_yield / Species::HydrogenCyanide.molar_mass();
        let co2 = c - co - soot - hcn;
        let water = 0.5 * (h - cl - hcn);
        let oxygen = co2 + 0.5 * (co + water - o);
        let mut made = [0.0; SPECIES];
        made[Species::Oxygen as usize] = -oxygen * Species::Oxygen.molar_mass();
        made[Species::CarbonDioxide as usize] = co2 * Species::CarbonDioxide.molar_mass();
        made[Species::CarbonMonoxide as usize] = self.co_yield;
        made[Species::HydrogenCyanide as usize] = self.hcn_yield;
        made[Species::HydrogenChloride as usize] = cl * Species::HydrogenChloride.molar_mass();
        made[Species::Soot as usize] = self.soot_yield;
        made[Species::Water as usize] = water * Species::Water.molar_mass();
        made[Species::Trace as usize] = self.trace_yield;
        made
    }

    fn check(&self, name: &str) -> Result<(), FireError> {
        for n in self.atoms {
            check("fire", name, "fuel.atoms", n, 0.0, 1000.0)?;
        }
        check("fire", name, "fuel.atoms (carbon and hydrogen)", self.atoms[0] + self.atoms[1], 1e-6, 2000.0)?;
        check("fire", name, "fuel.heat_kjpkg", self.heat_kjpkg, 1000.0, 150_000.0)?;
        check("fire", name, "fuel.radiative_share", self.radiative_share, 0.0, 0.8)?;
        check("fire", name, "fuel.co_yield", self.co_yield, 0.0, 1.0)?;
        check("fire", name, "fuel.soot_yield", self.soot_yield, 0.0, 0.8)?;
        check("fire", name, "fuel.hcn_yield", self.hcn_yield, 0.0, 0.5)?;
        check("fire", name, "fuel.trace_yield", self.trace_yield, 0.0, 1.0)?;
        let made = self.made();
        for s in [Species::CarbonDioxide, Species::Water] {
            check("fire", name, "fuel (yields beyond its carbon or hydrogen)", made[s as usize], 0.0, 10.0)?;
        }
        check("fire", name, "fuel (oxygen used per kg)", -made[Species::Oxygen as usize], 1e-6, 20.0)
    }
}

/// Where the fire stands in plan, which decides how much air reaches its plume.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Placement {
    /// Away from walls.
    #[default]
    Open,
    /// Against a wall: half a plume of twice the fire (mirror image).
    Wall,
    /// In a corner: a quarter of a plume of four times the fire.
    Corner,
    /// Distances to the two nearest walls, m. A wall counts in full when the burner touches it, not at all when the middle
    /// is further than one burner diameter; straight between.
    Walls(f64, f64),
}

/// One fire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fire {
    /// Name for messages.
    pub name: String,
    /// Space it burns in.
    pub space: SpaceId,
    /// Height of its base above the floor, m, 0 to 100.
    pub height_m: f64,
    /// Area of the fuel, m², 0.0001 to 10 000.
    pub area_m2: f64,
    /// Place.
    pub placement: Placement,
    /// Heat release over time.
    pub curve: HeatCurve,
    /// Fuel.
    pub fuel: Fuel,
    /// Plume formula.
    pub plume: PlumeModel,
    /// Oxygen by volume below which it goes out (氧指数下限), 0 to 0.2; 0.15 is CFAST's default.
    pub lower_oxygen: f64,
}

impl Fire {
    /// A fire on the floor, away from walls, Heskestad's plume, methane.
    #[must_use]
    pub fn new(name: &str, space: SpaceId, curve: HeatCurve) -> Self {
        Self {
            name: name.to_owned(),
            space,
            height_m: 0.0,
            area_m2: 0.3,
            placement: Placement::Open,
            curve,
            fuel: Fuel::METHANE,
            plume: PlumeModel::Heskestad,
            lower_oxygen: 0.15,
        }
    }

    /// A t² fire of a growth class.
    #[must_use]
    pub fn growing(name: &str, space: SpaceId, growth: Growth, peak_kw: f64, fuel: Fuel) -> Self {
        let curve = HeatCurve::Squared { alpha_kwps2: growth.alpha_kwps2(), peak_kw, start_s: 0.0 };
        Self { fuel, area_m2: (peak_kw / 500.0).max(0.1), ..Self::new(name, space, curve) }
    }

    /// Diameter of a round fire of the same area, m.
    #[must_use]
    pub fn diameter_m(&self) -> f64 {
        (4.0 * self.area_m2 / std::f64::consts::PI).sqrt()
    }

    /// Images that share the plume: 1 open, 2 at a wall, 4 in a corner.
    #[must_use]
    pub fn images(&self) -> f64 {
        let share = |d: f64| (1.0 - (d / self.diameter_m())).clamp(0.0, 1.0);
        match self.placement {
            Placement::Open => 1.0,
            Placement::Wall => 2.0,
            Placement::Corner => 4.0,
            Placement::Walls(a, b) => (1.0 + share(a)) * (1.0 + share(b)),
        }
    }

    pub(crate) fn check(&self, network: &Network) -> Result<(), FireError> {
        let name = &self.name;
        if self.space.at() >= network.spaces().len() {
            return Err(bad("fire", name, "space", self.space.0, format!("below {}", network.spaces().len())));
        }
        check("fire", name, "height_m", self.height_m, 0.0, 100.0)?;
        check("fire", name, "area_m2", self.area_m2, 1e-4, 1e4)?;
        check("fire", name, "lower_oxygen", self.lower_oxygen, 0.0, 0.2)?;
        if let Placement::Walls(a, b) = self.placement {
            check("fire", name, "placement", a, 0.0, 1e4)?;
            check("fire", name, "placement", b, 0.0, 1e4)?;
        }
        self.curve.check(name)?;
        self.fuel.check(name)
    }
}
