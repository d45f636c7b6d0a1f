//! What each property reads, by key. Keys that are not known stay in the lower part of their range.

use crate::devices::{BoundSeries, SimDevice};
use crate::noise::{unit, wander};
use crate::weather::{SimScenario, Weather};

/// Time of day at simulated second 0, hours.
const START_HOUR: f64 = 15.0;

/// The world that the devices measure.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct World {
    /// Rain and river.
    pub weather: Weather,
}

/// An event that one device of a class reports for a while, in simulated seconds of every two hours.
struct Event {
    from_s: f64,
    to_s: f64,
}

const SMOKE: Event = Event { from_s: 600.0, to_s: 1500.0 };
const TRAPPED: Event = Event { from_s: 1200.0, to_s: 1800.0 };
const CALL: Event = Event { from_s: 1800.0, to_s: 2100.0 };
const LOW_PRESSURE: Event = Event { from_s: 900.0, to_s: 2400.0 };
const TILTED: Event = Event { from_s: 2100.0, to_s: 4800.0 };
const GAS: Event = Event { from_s: 3000.0, to_s: 3600.0 };
const EVENT_CYCLE_S: f64 = 7200.0;

impl World {
    /// Whether a device is still alive at simulated second `t_s`: about one in thirty falls silent within the first
    /// simulated hour; gauges, which the forecast needs, never do.
    #[must_use]
    pub fn is_alive(&self, device: &SimDevice, t_s: f64) -> bool {
        let essential = matches!(device.class.as_str(), "river_level" | "rain_gauge");
        let doomed = self.weather.scenario == SimScenario::Storm && !essential && unit(device.key ^ 0xdead) < 0.033;
        !doomed || t_s < 300.0 + 3300.0 * unit(device.key ^ 0xbeef)
    }

    /// The value of a series at simulated second `t_s`, within its range.
    #[must_use]
    pub fn value(&self, device: &SimDevice, series: &BoundSeries, t_s: f64) -> f64 {
        let (least, greatest) = series.range;
        let value = self.raw(device, series, t_s);
        let value = if series.is_state { value.round() } else { (value * 1000.0).round() / 1000.0 };
        // A range read from a table is ordered; `max`/`min` also keep NaN out.
        value.max(least).min(greatest)
    }

    fn happens(&self, event: &Event, device: &SimDevice, t_s: f64) -> bool {
        let t = t_s % EVENT_CYCLE_S;
        self.weather.scenario == SimScenario::Storm && device.rank == 0 && t >= event.from_s && t < event.to_s
    }

    fn raw(&self, device: &SimDevice, series: &BoundSeries, t_s: f64) -> f64 {
        let key = device.key ^ crate::noise::key_of(&series.property);
        let slow = wander(key, t_s, 900.0);
        let quick = wander(key ^ 1, t_s, 60.0);
        let own = unit(key);
        let hour = (START_HOUR + t_s / 3600.0) % 24.0;
        let rain = self.weather.rain_mmph(t_s);
        match series.property.as_str() {
            "water_level_m" => self.water_level(device, t_s, rain, quick),
            "rain_mmph" => (rain * (1.0 + 0.12 * quick)).max(0.0),
            "rain_mm_total" => self.weather.rain_total_mm(t_s),
            "ponding_depth_m" => (own * 0.42 * ((rain - 14.0) / 31.0).clamp(0.0, 1.0) * (1.0 + 0.05 * quick)).max(0.0),
            "manhole_level_m" => 0.4 + 2.2 * own * (rain / 45.0) + 0.05 * quick,
            "smoke" | "smoke_alarm" => flag(self.happens(&SMOKE, device, t_s)),
            "smoke_dbpm" if self.happens(&SMOKE, device, t_s) => 2.4 + 0.6 * quick,
            "smoke_dbpm" => 0.02 + 0.01 * quick,
            "temperature_c" | "temp_c" => self.temperature(device, t_s, hour, slow),
            "gas_pct_lel" | "gas_lel_pct" if self.happens(&GAS, device, t_s) => 13.0 + 2.0 * quick,
            "gas_pct_lel" | "gas_lel_pct" => 0.4 + 0.3 * quick,
            "co_ppm" => 2.0 + quick,
            "battery_pct" if device.rank == 3 => 13.0,
            "battery_pct" => 55.0 + 45.0 * own - t_s / 86_400.0,
            "hydrant_pressure_mpa" | "pressure_mpa" if self.happens(&LOW_PRESSURE, device, t_s) => 0.07 + 0.01 * quick,
            "hydrant_pressure_mpa" | "pressure_mpa" => 0.32 + 0.04 * slow,
            "manhole_tilt_deg" | "tilt_deg" if self.happens(&TILTED, device, t_s) => 24.0 + 2.0 * quick,
            "manhole_tilt_deg" | "tilt_deg" => 1.0 + 0.6 * slow,
            "care_call" | "button_pressed" => flag(self.happens(&CALL, device, t_s)),
            "trapped" => flag(self.happens(&TRAPPED, device, t_s)),
            "fault" | "lift_fault" => flag(self.happens(&TRAPPED, device, t_s) && device.class == "lift"),
            "lift_running" => flag(quick > 0.1),
            "lift_floor" => 6.0 + 6.0 * wander(key, t_s, 90.0),
            "door_open" => flag(unit(key ^ (t_s / 20.0) as u64) < 0.04 + 0.16 * rush(hour)),
            "flow_in" | "flow_out" => (t_s / 3600.0 * (20.0 + 60.0 * own)).floor(),
            "people_inside" | "people_count" => (150.0 * own + 100.0) * daytime(hour) + 12.0 * slow,
            "parking_free" | "spaces_free" => (30.0 + 160.0 * daytime(hour) + 12.0 * slow).round(),
            "lamp_on" => flag(!(6.0..18.5).contains(&hour)),
            "power_kw" | "ev_power_kw" => self.power(device, t_s, hour, own, slow),
            "energy_kwh" => 800.0 + 4000.0 * own + t_s / 3600.0 * (0.5 + 2.0 * own),
            "voltage_v" => 221.0 + 5.0 * slow,
            "water_m3" => 100.0 + 900.0 * own + t_s / 3600.0 * 0.03,
            "water_flow_m3ph" => 0.1 * (1.0 + slow) * (0.3 + rush(hour)),
            "flow_m3ph" if device.class == "pump_station" => pumps(self.water_level(device, t_s, rain, 0.0)) * 900.0,
            "flow_m3ph" => 0.1 * (1.0 + slow) * (0.3 + rush(hour)),
            "pumps_running" | "pump_on" => pumps(self.water_level(device, t_s, rain, 0.0)),
            "pm25_ugpm3" => (42.0 + 12.0 * slow - 0.5 * rain).max(6.0),
            "humidity_pct" => 62.0 + 0.6 * rain + 6.0 * slow,
            "noise_dba" => 48.0 + 9.0 * daytime(hour) + 4.0 * quick + 0.2 * rain,
            "bin_fill_pct" | "bin_level_pct" => 100.0 * ((t_s / 28_800.0 + own) % 1.0),
            "online" => flag(device.rank % 17 != 5 && !(device.rank % 7 == 2 && slow > 0.5)),
            _ if series.is_state => 0.0,
            _ => series.range.0 + (series.range.1 - series.range.0) * (0.1 + 0.05 * slow),
        }
    }

    fn water_level(&self, device: &SimDevice, t_s: f64, rain: f64, quick: f64) -> f64 {
        match device.class.as_str() {
            "pump_station" => 15.9 + 1.7 * (rain / 45.0) + 0.03 * quick,
            "manhole_level" => 15.6 + 1.8 * unit(device.key) * (rain / 45.0) + 0.03 * quick,
            _ => self.weather.river_m(t_s) + 0.02 * quick,
        }
    }

    fn temperature(&self, device: &SimDevice, t_s: f64, hour: f64, slow: f64) -> f64 {
        let air = 24.0 + 5.0 * ((hour - 9.0) / 24.0 * std::f64::consts::TAU).sin() + slow;
        match device.class.as_str() {
            "smoke" if self.happens(&SMOKE, device, t_s) => 61.0 + 4.0 * slow,
            "ev_charger" => air + 12.0,
            _ => air,
        }
    }

    fn power(&self, device: &SimDevice, t_s: f64, hour: f64, own: f64, slow: f64) -> f64 {
        match device.class.as_str() {
            "street_lamp" => 0.12 * flag(!(6.0..18.5).contains(&hour)),
            "pump_station" => 55.0 * pumps(self.water_level(device, t_s, self.weather.rain_mmph(t_s), 0.0)),
            "ev_charger" => 7.0 * flag(slow > 0.0),
            _ => (0.4 + 2.5 * own) * (0.4 + rush(hour)) * (1.0 + 0.3 * slow),
        }
    }
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

/// Pumps that run at a fore-bay level, m.
fn pumps(level_m: f64) -> f64 {
    ((level_m - 16.0) / 0.4).floor().clamp(0.0, 4.0)
}

/// Share of people out by day: 0 at night, 1 at noon.
fn daytime(hour: f64) -> f64 {
    ((hour - 6.0) / 14.0 * std::f64::consts::PI).sin().max(0.0)
}

/// Morning and evening peaks.
fn rush(hour: f64) -> f64 {
    let peak = |at: f64| (-((hour - at) / 1.2).powi(2)).exp();
    peak(7.7) + peak(18.2)
}
