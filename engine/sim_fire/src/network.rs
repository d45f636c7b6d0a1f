//! Spaces and what joins them: the unchanging half of a run.

use crate::error::{bad, check};
use crate::gas::{GRAVITY, R_AIR, SPECIES, Species, ZERO_C};
use crate::{FireError, Lining};
use serde::{Deserialize, Serialize};

/// Position of a space in its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SpaceId(pub u32);

/// Position of a vent in its network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VentId(pub u32);

impl SpaceId {
    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

impl VentId {
    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// The air outside.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Ambient {
    /// Temperature, °C, -60 to 60.
    pub temperature_c: f64,
    /// Pressure at level 0, Pa, 50 000 to 120 000.
    pub pressure_pa: f64,
    /// Mass of water vapour per mass of air, 0 to 0.05.
    pub humidity: f64,
}

impl Default for Ambient {
    fn default() -> Self {
        Self { temperature_c: 20.0, pressure_pa: 101_325.0, humidity: 0.0 }
    }
}

impl Ambient {
    /// Temperature, K.
    #[must_use]
    pub fn temperature_k(&self) -> f64 {
        self.temperature_c + ZERO_C
    }

    /// Pressure at a level: an atmosphere of one temperature.
    #[must_use]
    pub fn pressure_at(&self, level_m: f64) -> f64 {
        self.pressure_pa * libm::exp(-GRAVITY * level_m / (R_AIR * self.temperature_k()))
    }

    /// Mass fractions: oxygen of dry air 0.2314 (20.95 % by volume), carbon dioxide 0.0006 (400 ppm).
    #[must_use]
    pub fn mass_fractions(&self) -> [f64; SPECIES] {
        let mut y = [0.0; SPECIES];
        y[Species::Oxygen as usize] = 0.2314 * (1.0 - self.humidity);
        y[Species::CarbonDioxide as usize] = 0.0006 * (1.0 - self.humidity);
        y[Species::Water as usize] = self.humidity;
        y
    }
}

/// How the air of a space is layered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zones {
    /// Hot layer above cold layer (双区).
    #[default]
    Two,
    /// Well mixed: shafts and stairs (单区).
    One,
}

/// A room, a piece of a corridor, a storey of a shaft.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// Floor area, m², 0.05 to 100 000.
    pub area_m2: f64,
    /// Clear height, m, 0.2 to 200.
    pub height_m: f64,
    /// Floor level, m, -1000 to 9000.
    pub floor_m: f64,
    /// Length of the walls in plan, m; by default that of a square.
    pub wall_length_m: f64,
    /// Layering.
    pub zones: Zones,
    /// Ceiling; `None` passes no heat.
    pub ceiling: Option<Lining>,
    /// Walls.
    pub walls: Option<Lining>,
    /// Floor.
    pub floor: Option<Lining>,
    /// Temperature at the start, °C; `None`: that outside.
    pub temperature_c: Option<f64>,
}

impl Space {
    /// A space without heat loss, two layers, temperature of the open air.
    #[must_use]
    pub fn new(area_m2: f64, height_m: f64, floor_m: f64) -> Self {
        Self {
            area_m2,
            height_m,
            floor_m,
            wall_length_m: 4.0 * area_m2.max(0.0).sqrt(),
            zones: Zones::Two,
            ceiling: None,
            walls: None,
            floor: None,
            temperature_c: None,
        }
    }

    /// The same lining on ceiling, walls and floor.
    #[must_use]
    pub fn lined(mut self, lining: &Lining) -> Self {
        self.ceiling = Some(lining.clone());
        self.walls = Some(lining.clone());
        self.floor = Some(lining.clone());
        self
    }

    /// Well mixed.
    #[must_use]
    pub fn mixed(mut self) -> Self {
        self.zones = Zones::One;
        self
    }

    fn check(&self, name: &str) -> Result<(), FireError> {
        check("space", name, "area_m2", self.area_m2, 0.05, 1e5)?;
        check("space", name, "height_m", self.height_m, 0.2, 200.0)?;
        check("space", name, "floor_m", self.floor_m, -1000.0, 9000.0)?;
        check("space", name, "wall_length_m", self.wall_length_m, 0.0, 1e5)?;
        check("space", name, "temperature_c", self.temperature_c.unwrap_or(0.0), -60.0, 1000.0)?;
        [&self.ceiling, &self.walls, &self.floor].into_iter().flatten().try_for_each(|l| l.check(name))
    }
}

/// One end of a vent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// A space.
    Space(SpaceId),
    /// The open air.
    Outside,
}

/// What joins two spaces.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VentKind {
    /// Door, window, slot in a wall (竖向开口).
    Wall {
        /// Width, m, 0 to 1000.
        width_m: f64,
        /// Bottom, level in m.
        bottom_m: f64,
        /// Top, level in m, above `bottom_m`.
        top_m: f64,
        /// Flow coefficient, 0.05 to 1. Doors and windows 0.7 (Steckler, Quintiere & Rinkinen 1982: 0.68 measured).
        coefficient: f64,
    },
    /// Hole in a slab (水平开口); `from` is the space below, `to` the one above.
    Slab {
        /// Area, m², 0 to 100 000.
        area_m2: f64,
        /// Level, m.
        level_m: f64,
        /// Flow coefficient, 0.05 to 1; 0.7 as for walls.
        coefficient: f64,
    },
    /// Fan (风机): a fixed volume flow from `from` to `to`.
    Fan {
        /// Volume flow, m³/s, 0 to 10 000.
        flow_m3ps: f64,
        /// Rise of pressure at which the flow begins to fall, Pa.
        cutoff_start_pa: f64,
        /// Rise of pressure at which it is zero, Pa; above `cutoff_start_pa`.
        cutoff_end_pa: f64,
        /// Middle of the grilles at both ends, level in m.
        level_m: f64,
        /// Height of the grilles, m, 0.01 to 100.
        grille_m: f64,
        /// Share of soot and trace kept back by the filter, 0 to 1.
        filter: f64,
    },
}

/// A vent with the share of it that is open over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Vent {
    /// One end.
    pub from: Side,
    /// The other.
    pub to: Side,
    /// Kind and size.
    pub kind: VentKind,
    /// (time s, share open 0 to 1), rising in time, straight between; empty: 1.
    pub opening: Vec<(f64, f64)>,
    /// Wind pressure coefficient (风压系数) of the outer side, -3 to 3; see [`crate::FireForcing::wind_pa`].
    pub wind_cp: f64,
    /// Inner open plane between two pieces of one space: gas passes from layer to layer without rising as a door jet.
    pub seamless: bool,
}

impl Vent {
    /// A fully open vent.
    #[must_use]
    pub fn new(from: Side, to: Side, kind: VentKind) -> Self {
        Self { from, to, kind, opening: Vec::new(), wind_cp: 0.0, seamless: false }
    }

    /// A door or window with coefficient 0.7.
    #[must_use]
    pub fn wall(from: Side, to: Side, width_m: f64, bottom_m: f64, top_m: f64) -> Self {
        Self::new(from, to, VentKind::Wall { width_m, bottom_m, top_m, coefficient: 0.7 })
    }

    /// A hole in a slab with coefficient 0.7.
    #[must_use]
    pub fn slab(below: Side, above: Side, area_m2: f64, level_m: f64) -> Self {
        Self::new(below, above, VentKind::Slab { area_m2, level_m, coefficient: 0.7 })
    }

    /// A fan that blows whatever the pressure up to 200 Pa, nothing above 300 Pa (CFAST's default cut-off).
    #[must_use]
    pub fn fan(from: Side, to: Side, flow_m3ps: f64, level_m: f64) -> Self {
        let kind = VentKind::Fan {
            flow_m3ps,
            cutoff_start_pa: 200.0,
            cutoff_end_pa: 300.0,
            level_m,
            grille_m: 0.3,
            filter: 0.0,
        };
        Self::new(from, to, kind)
    }

    /// The same with an opening schedule.
    #[must_use]
    pub fn opening(mut self, schedule: &[(f64, f64)]) -> Self {
        self.opening = schedule.to_vec();
        self
    }

    /// Openings lie at the height of the spaces they join, holes are no larger than their floors.
    fn fits(&self, name: &str, s: &Space) -> Result<(), FireError> {
        let (low, high) = (s.floor_m, s.floor_m + s.height_m);
        match self.kind {
            VentKind::Wall { bottom_m, top_m, .. } => {
                check("vent", name, "bottom_m", bottom_m, low - 0.5, high)?;
                check("vent", name, "top_m", top_m, low, high + 0.5)
            }
            VentKind::Slab { area_m2, level_m, .. } => {
                check("vent", name, "area_m2", area_m2, 0.0, 1.01 * s.area_m2)?;
                check("vent", name, "level_m", level_m, low - 5.0, high + 5.0)
            }
            VentKind::Fan { level_m, .. } => check("vent", name, "level_m", level_m, low - 0.5, high + 0.5),
        }
    }

    fn check(&self, name: &str, spaces: &[Space]) -> Result<(), FireError> {
        let item = |field, value, low, high| check("vent", name, field, value, low, high);
        for side in [self.from, self.to] {
            if let Side::Space(id) = side
                && id.at() >= spaces.len()
            {
                return Err(bad("vent", name, "space", id.0, format!("0 to {}", spaces.len().saturating_sub(1))));
            }
        }
        if self.from == self.to {
            return Err(bad("vent", name, "to", format!("{:?}", self.to), "another space than `from`"));
        }
        match self.kind {
            VentKind::Wall { width_m, bottom_m, top_m, coefficient } => {
                item("width_m", width_m, 0.0, 1000.0)?;
                item("bottom_m", bottom_m, -1000.0, 9000.0)?;
                item("top_m", top_m, bottom_m + 1e-4, bottom_m + 1000.0)?;
                item("coefficient", coefficient, 0.05, 1.0)?;
            }
            VentKind::Slab { area_m2, level_m, coefficient } => {
                item("area_m2", area_m2, 0.0, 1e5)?;
                item("level_m", level_m, -1000.0, 9000.0)?;
                item("coefficient", coefficient, 0.05, 1.0)?;
            }
            VentKind::Fan { flow_m3ps, cutoff_start_pa, cutoff_end_pa, level_m, grille_m, filter } => {
                item("flow_m3ps", flow_m3ps, 0.0, 1e4)?;
                item("cutoff_start_pa", cutoff_start_pa, 0.0, 1e8)?;
                item("cutoff_end_pa", cutoff_end_pa, cutoff_start_pa + 1e-3, 1e9)?;
                item("level_m", level_m, -1000.0, 9000.0)?;
                item("grille_m", grille_m, 0.01, 100.0)?;
                item("filter", filter, 0.0, 1.0)?;
            }
        }
        for side in [self.from, self.to] {
            if let Side::Space(id) = side {
                self.fits(name, &spaces[id.at()])?;
            }
        }
        item("wind_cp", self.wind_cp, -3.0, 3.0)?;
        check_schedule("vent", name, "opening", &self.opening, 1.0)
    }
}

/// Times rise, values lie in `[0, high]`.
pub(crate) fn check_schedule(
    what: &'static str,
    name: &str,
    field: &'static str,
    list: &[(f64, f64)],
    high: f64,
) -> Result<(), FireError> {
    let mut last = f64::NEG_INFINITY;
    for &(t, value) in list {
        check(what, name, field, value, 0.0, high)?;
        if !t.is_finite() || t < last {
            return Err(bad(what, name, field, format!("time {t} after {last}"), "times that do not fall"));
        }
        last = t;
    }
    Ok(())
}

/// Value of a schedule at a time: straight between entries, held outside them; `empty` when there are none.
pub(crate) fn at_time(list: &[(f64, f64)], t_s: f64, empty: f64) -> f64 {
    let after = list.partition_point(|e| e.0 <= t_s);
    match (after.checked_sub(1).map(|k| list[k]), list.get(after)) {
        (None, None) => empty,
        (None, Some(b)) => b.1,
        (Some(a), None) => a.1,
        (Some(a), Some(b)) => a.1 + (b.1 - a.1) * (t_s - a.0) / (b.0 - a.0),
    }
}

/// Spaces, vents and the air outside, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    pub(crate) ambient: Ambient,
    pub(crate) spaces: Vec<Space>,
    pub(crate) space_names: Vec<String>,
    pub(crate) vents: Vec<Vent>,
    pub(crate) vent_names: Vec<String>,
}

impl Network {
    /// Spaces.
    #[must_use]
    pub fn spaces(&self) -> &[Space] {
        &self.spaces
    }

    /// Vents.
    #[must_use]
    pub fn vents(&self) -> &[Vent] {
        &self.vents
    }

    /// The air outside.
    #[must_use]
    pub const fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// Name of a space; empty for one that does not exist.
    #[must_use]
    pub fn space_name(&self, id: SpaceId) -> &str {
        self.space_names.get(id.at()).map_or("", String::as_str)
    }

    /// Name of a vent; empty for one that does not exist.
    #[must_use]
    pub fn vent_name(&self, id: VentId) -> &str {
        self.vent_names.get(id.at()).map_or("", String::as_str)
    }

    /// The space of a name.
    #[must_use]
    pub fn space(&self, name: &str) -> Option<SpaceId> {
        self.space_names.iter().position(|n| n == name).map(|k| SpaceId(k as u32))
    }

    /// The vent of a name.
    #[must_use]
    pub fn vent(&self, name: &str) -> Option<VentId> {
        self.vent_names.iter().position(|n| n == name).map(|k| VentId(k as u32))
    }
}

/// Collects and checks.
#[derive(Debug, Clone)]
pub struct NetworkBuilder(Network);

impl NetworkBuilder {
    /// An empty network in this air.
    #[must_use]
    pub fn new(ambient: Ambient) -> Self {
        let (spaces, space_names, vents, vent_names) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self(Network { ambient, spaces, space_names, vents, vent_names })
    }

    /// Adds a space.
    ///
    /// # Errors
    /// [`FireError::Item`] naming the space and the field.
    pub fn space(&mut self, name: &str, space: Space) -> Result<SpaceId, FireError> {
        space.check(name)?;
        self.0.spaces.push(space);
        self.0.space_names.push(name.to_owned());
        Ok(SpaceId((self.0.spaces.len() - 1) as u32))
    }

    /// Adds a vent between spaces added before.
    ///
    /// # Errors
    /// [`FireError::Item`] naming the vent and the field.
    pub fn vent(&mut self, name: &str, vent: Vent) -> Result<VentId, FireError> {
        vent.check(name, &self.0.spaces)?;
        self.0.vents.push(vent);
        self.0.vent_names.push(name.to_owned());
        Ok(VentId((self.0.vents.len() - 1) as u32))
    }

    /// Adds a leak (缝隙渗漏) to the open air spread over the height of a space: `area_m2` through the walls.
    ///
    /// # Errors
    /// [`FireError::Item`].
    pub fn leak(&mut self, name: &str, space: SpaceId, area_m2: f64) -> Result<VentId, FireError> {
        let Some(s) = self.0.spaces.get(space.at()) else {
            return Err(bad("vent", name, "space", space.0, format!("below {}", self.0.spaces.len())));
        };
        let (bottom, height) = (s.floor_m, s.height_m);
        let vent = Vent::wall(Side::Space(space), Side::Outside, area_m2 / height, bottom, bottom + height);
        self.vent(name, vent)
    }

    /// The finished network.
    ///
    /// # Errors
    /// [`FireError`] for bad ambient air or a network without a space.
    pub fn build(self) -> Result<Network, FireError> {
        let a = &self.0.ambient;
        check("ambient", "air", "temperature_c", a.temperature_c, -60.0, 60.0)?;
        check("ambient", "air", "pressure_pa", a.pressure_pa, 5e4, 1.2e5)?;
        check("ambient", "air", "humidity", a.humidity, 0.0, 0.05)?;
        if self.0.spaces.is_empty() {
            return Err(bad("network", "", "spaces", 0, "at least 1"));
        }
        Ok(self.0)
    }
}
