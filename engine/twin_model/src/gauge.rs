//! Which live values are about water (雨水情测点): what drives flood runs and what their results are compared with.

/// What a gauge measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WaterGauge {
    /// Rate of rain (雨强), mm/h.
    Rain,
    /// Depth of water over the ground (积水深), m.
    Depth,
    /// Level of the water surface above the pack's vertical datum (水位), m.
    Level,
}

/// A gauge's value counts as fresh for this many expected intervals.
pub const FRESH_INTERVALS: f64 = 3.0;

const KEYS: &[(&str, WaterGauge)] = &[
    ("rain_mmph", WaterGauge::Rain),
    ("ponding_depth_m", WaterGauge::Depth),
    ("water_depth_m", WaterGauge::Depth),
    ("depth_m", WaterGauge::Depth),
    ("water_level_m", WaterGauge::Level),
    ("level_m", WaterGauge::Level),
];

/// Classes whose level is not that of the surface: they measure inside a shaft or sump.
const BELOW_GROUND: &[&str] = &["manhole_level", "pump_station"];

/// What a property of a device class says of rain or surface water; `None` when it measures something else.
#[must_use]
pub fn water_gauge(class: &str, property: &str) -> Option<WaterGauge> {
    let known = KEYS.iter().find(|(key, _)| *key == property && !BELOW_GROUND.contains(&class));
    known.map(|(_, gauge)| *gauge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shaft_is_not_the_surface() {
        assert_eq!(water_gauge("river_level", "water_level_m"), Some(WaterGauge::Level));
        assert_eq!(water_gauge("manhole_level", "level_m"), None);
        assert_eq!(water_gauge("rain_gauge", "rain_mmph"), Some(WaterGauge::Rain));
        assert_eq!(water_gauge("smoke", "temperature_c"), None);
    }
}
