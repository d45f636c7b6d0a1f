//! What the air of a space does to the people in it: the record that fire runs write and crowd runs read.

/// Air at breathing height (呼吸高度, about 1.5 m) of one space at one time.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Air {
    /// Light extinction coefficient (消光系数) K, 1/m, >= 0. Visibility is C/K, C = 3 for reflecting signs, 8 for lit ones (Jin 1978).
    pub extinction_per_m: f32,
    /// Temperature, °C.
    pub temperature_c: f32,
    /// Carbon monoxide, ppm by volume.
    pub co_ppm: f32,
    /// Hydrogen cyanide, ppm by volume.
    pub hcn_ppm: f32,
    /// Carbon dioxide, % by volume.
    pub co2_percent: f32,
    /// Oxygen, % by volume.
    pub o2_percent: f32,
    /// Radiant heat on a person, kW/m².
    pub radiant_kwm2: f32,
}

impl Air {
    /// Clean air at 20 °C with 20.9 % oxygen.
    pub const CLEAN: Self = Self {
        extinction_per_m: 0.0,
        temperature_c: 20.0,
        co_ppm: 0.0,
        hcn_ppm: 0.0,
        co2_percent: 0.04,
        o2_percent: 20.9,
        radiant_kwm2: 0.0,
    };
}

impl Default for Air {
    fn default() -> Self {
        Self::CLEAN
    }
}
