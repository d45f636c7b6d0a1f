//! How a building stands when an evacuation begins: its doors, detectors and sprinklers, the air and the water round it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a door does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DoorState {
    /// Shut but for people who pass (闭门器).
    #[default]
    SelfClosing,
    /// Stays as the last person leaves it: open once somebody went through.
    LeftOpen,
    /// Held open.
    Open,
    /// Locked: nobody passes, shut for smoke.
    Locked,
}

/// How doors stand at the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DoorStates {
    /// Doors that are not named.
    pub others: DoorState,
    /// Doors by name.
    pub named: BTreeMap<String, DoorState>,
    /// Share of a shut door that leaks (门缝), 0..1: gaps round the leaf. 0.01 to 0.02 m² per leaf is a common figure
    /// (Klote and Milke, Handbook of Smoke Control Engineering; from memory).
    pub leak_share: f64,
    /// Share of a shut window that leaks, 0..1.
    pub window_leak_share: f64,
    /// Time that a self-closing door stays open after a person, s in [1, 60].
    pub closing_s: f64,
}

impl Default for DoorStates {
    fn default() -> Self {
        Self {
            others: DoorState::SelfClosing,
            named: BTreeMap::new(),
            leak_share: 0.01,
            window_leak_share: 0.002,
            closing_s: 5.0,
        }
    }
}

/// Where smoke detectors hang.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectorPlaces {
    /// One in every space but shafts.
    #[default]
    Everywhere,
    /// In these spaces.
    Spaces(Vec<String>),
    /// None: people set off at `alarm_s`.
    Nowhere,
}

/// What raises the alarm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Detection {
    /// Smoke detectors.
    pub detectors: DetectorPlaces,
    /// Light lost over a metre at the alarm, 0.0005..0.99; 0.24 (8 %/ft) is CFAST's default.
    pub obscuration_per_m: f64,
    /// Time from the first detector to the sounders, s in [0, 3600].
    pub delay_s: f64,
    /// An alarm by hand at this time, s in [0, duration], if that comes first. A scenario without fire takes 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm_s: Option<f64>,
}

impl Default for Detection {
    fn default() -> Self {
        Self { detectors: DetectorPlaces::Everywhere, obscuration_per_m: 0.24, delay_s: 0.0, alarm_s: None }
    }
}

/// The air inside at the start, and outside.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvacWeather {
    /// Outside, °C, -50..55.
    pub outside_c: f64,
    /// Inside at the start, °C, -30..45.
    pub inside_c: f64,
    /// Wind at the building, m/s, 0..60; its pressure on doors and windows to the open air drives smoke.
    pub wind_mps: f64,
    /// Direction the wind comes from, degrees clockwise from the plan's north (y), 0..360.
    pub wind_from_deg: f64,
}

impl Default for EvacWeather {
    fn default() -> Self {
        Self { outside_c: 20.0, inside_c: 20.0, wind_mps: 0.0, wind_from_deg: 0.0 }
    }
}

/// Sprinklers under the ceiling of every space but shafts (自动喷水灭火系统). An open head damps the fire of its space; its flow
/// switch (水流指示器) raises the alarm as a detector does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sprinklers {
    /// Temperature at which a head opens, °C, 25..400; 68 is the usual red bulb.
    pub set_c: f64,
    /// Response time index, (m s)^(1/2), 1..1000: quick response up to 50, standard from 80 (ISO 6182-1; GB 5135.1).
    pub rti: f64,
    /// Water per floor area, mm/min, 0.6..600; 6 is GB 50084's for medium hazard I (offices, shops; from memory).
    pub spray_mmpmin: f64,
}

impl Default for Sprinklers {
    fn default() -> Self {
        Self { set_c: 68.0, rti: 50.0, spray_mmpmin: 6.0 }
    }
}

/// A flood run whose water stands at the building's exits (洪水围困).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FloodAtDoors {
    /// The flood run: its id, or the path of its folder.
    pub run: String,
    /// Simulated time of the flood at the evacuation's second 0, s in [0, 1e7].
    #[serde(default)]
    pub from_s: f64,
}
