//! Device classes and the properties they report.

use std::fmt::Write as _;

/// A property: key, Chinese name, UCUM unit, least and greatest possible value, words of its states.
pub struct Property(
    pub &'static str,
    pub &'static str,
    pub &'static str,
    pub f64,
    pub f64,
    pub &'static [&'static str],
);

/// An alarm threshold: property, `at_least` or `at_most`, limit, hysteresis, severity, Chinese text.
pub struct Threshold(pub &'static str, pub &'static str, pub f64, pub f64, pub &'static str, pub &'static str);

/// A device class.
pub struct Class {
    /// Key, also part of the topic.
    pub key: &'static str,
    /// Chinese name.
    pub name: &'static str,
    /// Keys of its properties, the most telling first.
    pub properties: &'static [&'static str],
    /// Expected time between samples, seconds.
    pub interval_s: u32,
    /// Thresholds.
    pub thresholds: &'static [Threshold],
}

/// All properties, sorted by key.
pub const PROPERTIES: &[Property] = &[
    Property("battery_pct", "电量", "%", 0.0, 100.0, &[]),
    Property("bin_level_pct", "满溢度", "%", 0.0, 100.0, &[]),
    Property("button_pressed", "呼叫按钮", "1", 0.0, 1.0, &["未按下", "呼叫中"]),
    Property("chlorine_mgpl", "余氯", "mg/L", 0.0, 10.0, &[]),
    Property("co2_ppm", "二氧化碳", "[ppm]", 0.0, 10000.0, &[]),
    Property("co_ppm", "一氧化碳", "[ppm]", 0.0, 1000.0, &[]),
    Property("door_open", "门状态", "1", 0.0, 1.0, &["关闭", "打开"]),
    Property("energy_kwh", "累计用电", "kW.h", 0.0, 1_000_000.0, &[]),
    Property("fault", "故障", "1", 0.0, 1.0, &["正常", "故障"]),
    Property("flow_in", "进入数", "1", 0.0, 10_000.0, &[]),
    Property("flow_m3ph", "流量", "m3/h", 0.0, 20_000.0, &[]),
    Property("flow_out", "离开数", "1", 0.0, 10_000.0, &[]),
    Property("gas_lel_pct", "可燃气体浓度", "%", 0.0, 100.0, &[]),
    Property("gas_m3", "累计用气", "m3", 0.0, 1_000_000.0, &[]),
    Property("hcho_mgpm3", "甲醛", "mg/m3", 0.0, 10.0, &[]),
    Property("heat_alarm", "温感报警", "1", 0.0, 1.0, &["正常", "报警"]),
    Property("heat_gj", "累计用热", "GJ", 0.0, 100000.0, &[]),
    Property("humidity_pct", "湿度", "%", 0.0, 100.0, &[]),
    Property("intrusion", "入侵", "1", 0.0, 1.0, &["正常", "入侵"]),
    Property("lamp_on", "亮灯", "1", 0.0, 1.0, &["灭", "亮"]),
    Property("leak_current_ma", "剩余电流", "mA", 0.0, 5000.0, &[]),
    Property("lift_floor", "所在楼层", "1", -3.0, 60.0, &[]),
    Property("noise_dba", "噪声", "dB[SPL]", 20.0, 140.0, &[]),
    Property("occupied", "占用", "1", 0.0, 1.0, &["空闲", "占用"]),
    Property("people_inside", "在内人数", "1", 0.0, 20_000.0, &[]),
    Property("ph", "酸碱度", "[pH]", 0.0, 14.0, &[]),
    Property("pm25_ugpm3", "PM2.5", "ug/m3", 0.0, 1000.0, &[]),
    Property("ponding_depth_m", "积水深度", "m", 0.0, 5.0, &[]),
    Property("power_kw", "功率", "kW", 0.0, 2000.0, &[]),
    Property("pressure_mpa", "压力", "MPa", 0.0, 2.5, &[]),
    Property("pumps_running", "运行台数", "1", 0.0, 8.0, &[]),
    Property("rain_mm_total", "累计雨量", "mm", 0.0, 2000.0, &[]),
    Property("rain_mmph", "雨强", "mm/h", 0.0, 400.0, &[]),
    Property("return_temp_c", "回水温度", "Cel", -20.0, 150.0, &[]),
    Property("smoke_alarm", "烟雾报警", "1", 0.0, 1.0, &["正常", "报警"]),
    Property("smoke_dbpm", "减光率", "dB/m", 0.0, 10.0, &[]),
    Property("spaces_free", "空余车位", "1", 0.0, 5000.0, &[]),
    Property("supply_temp_c", "供水温度", "Cel", -20.0, 150.0, &[]),
    Property("temperature_c", "温度", "Cel", -40.0, 1200.0, &[]),
    Property("tilt_deg", "倾斜角", "deg", 0.0, 180.0, &[]),
    Property("trapped", "困人", "1", 0.0, 1.0, &["正常", "困人"]),
    Property("turbidity_ntu", "浊度", "[NTU]", 0.0, 1000.0, &[]),
    Property("voltage_v", "电压", "V", 0.0, 500.0, &[]),
    Property("water_level_m", "水位", "m", -5.0, 60.0, &[]),
    Property("water_m3", "累计用水", "m3", 0.0, 1_000_000.0, &[]),
    Property("wind_dir_deg", "风向", "deg", 0.0, 360.0, &[]),
    Property("wind_mps", "风速", "m/s", 0.0, 75.0, &[]),
];

const BATTERY: Threshold = Threshold("battery_pct", "at_most", 15.0, 5.0, "notice", "电量低");

/// All classes, sorted by key.
pub const CLASSES: &[Class] = &[
    Class {
        key: "air_quality",
        name: "空气监测站",
        properties: &["pm25_ugpm3", "temperature_c", "humidity_pct"],
        interval_s: 300,
        thresholds: &[Threshold("pm25_ugpm3", "at_least", 150.0, 15.0, "minor", "空气重度污染")],
    },
    Class { key: "bike_rack", name: "自行车架", properties: &["spaces_free"], interval_s: 300, thresholds: &[] },
    Class {
        key: "bin_level",
        name: "垃圾满溢",
        properties: &["bin_level_pct", "battery_pct"],
        interval_s: 900,
        thresholds: &[Threshold("bin_level_pct", "at_least", 90.0, 15.0, "notice", "垃圾桶满溢"), BATTERY],
    },
    Class {
        key: "care_button",
        name: "养老呼叫",
        properties: &["button_pressed", "battery_pct"],
        interval_s: 600,
        thresholds: &[Threshold("button_pressed", "at_least", 1.0, 0.5, "major", "老人紧急呼叫"), BATTERY],
    },
    Class {
        key: "door_access",
        name: "单元门禁",
        properties: &["door_open", "flow_in", "flow_out"],
        interval_s: 60,
        thresholds: &[],
    },
    Class {
        key: "electrical_fire",
        name: "电气火灾监控",
        properties: &["leak_current_ma", "temperature_c"],
        interval_s: 60,
        thresholds: &[
            Threshold("leak_current_ma", "at_least", 500.0, 50.0, "major", "剩余电流过大"),
            Threshold("temperature_c", "at_least", 80.0, 5.0, "major", "线缆过热"),
        ],
    },
    Class {
        key: "electricity_meter",
        name: "智能电表",
        properties: &["power_kw", "energy_kwh", "voltage_v"],
        interval_s: 900,
        thresholds: &[Threshold("voltage_v", "at_most", 180.0, 8.0, "minor", "电压过低")],
    },
    Class {
        key: "ev_charger",
        name: "充电桩",
        properties: &["power_kw", "energy_kwh", "temperature_c"],
        interval_s: 300,
        thresholds: &[Threshold("temperature_c", "at_least", 75.0, 5.0, "major", "充电桩过热")],
    },
    Class {
        key: "gas",
        name: "燃气报警器",
        properties: &["gas_lel_pct", "battery_pct"],
        interval_s: 300,
        thresholds: &[Threshold("gas_lel_pct", "at_least", 10.0, 2.0, "critical", "可燃气体泄漏"), BATTERY],
    },
    Class {
        key: "gas_meter",
        name: "智能燃气表",
        properties: &["gas_m3", "battery_pct"],
        interval_s: 3600,
        thresholds: &[],
    },
    Class {
        key: "heat_detector",
        name: "温感",
        properties: &["heat_alarm", "temperature_c", "battery_pct"],
        interval_s: 300,
        thresholds: &[Threshold("heat_alarm", "at_least", 1.0, 0.5, "critical", "温感报警")],
    },
    Class {
        key: "heat_meter",
        name: "热量表",
        properties: &["heat_gj", "supply_temp_c", "return_temp_c"],
        interval_s: 3600,
        thresholds: &[],
    },
    Class {
        key: "hydrant_pressure",
        name: "消火栓压力",
        properties: &["pressure_mpa", "battery_pct"],
        interval_s: 600,
        thresholds: &[Threshold("pressure_mpa", "at_most", 0.10, 0.02, "major", "消火栓水压不足"), BATTERY],
    },
    Class {
        key: "indoor_air",
        name: "室内空气",
        properties: &["co2_ppm", "hcho_mgpm3", "temperature_c", "humidity_pct"],
        interval_s: 300,
        thresholds: &[
            Threshold("co2_ppm", "at_least", 1500.0, 200.0, "notice", "二氧化碳偏高"),
            Threshold("hcho_mgpm3", "at_least", 0.1, 0.02, "minor", "甲醛超标"),
        ],
    },
    Class {
        key: "lift",
        name: "电梯",
        properties: &["lift_floor", "trapped", "fault"],
        interval_s: 30,
        thresholds: &[
            Threshold("trapped", "at_least", 1.0, 0.5, "critical", "电梯困人"),
            Threshold("fault", "at_least", 1.0, 0.5, "minor", "电梯故障"),
        ],
    },
    Class {
        key: "manhole_level",
        name: "窨井液位",
        properties: &["water_level_m", "battery_pct"],
        interval_s: 300,
        thresholds: &[BATTERY],
    },
    Class {
        key: "manhole_tilt",
        name: "井盖状态",
        properties: &["tilt_deg", "battery_pct"],
        interval_s: 1800,
        thresholds: &[Threshold("tilt_deg", "at_least", 15.0, 5.0, "major", "井盖位移"), BATTERY],
    },
    Class {
        key: "noise",
        name: "噪声监测",
        properties: &["noise_dba"],
        interval_s: 60,
        thresholds: &[Threshold("noise_dba", "at_least", 75.0, 3.0, "notice", "噪声超标")],
    },
    Class {
        key: "parking_gate",
        name: "车辆道闸",
        properties: &["spaces_free", "flow_in", "flow_out"],
        interval_s: 60,
        thresholds: &[],
    },
    Class {
        key: "parking_space",
        name: "车位检测",
        properties: &["occupied", "battery_pct"],
        interval_s: 900,
        thresholds: &[],
    },
    Class {
        key: "people_counter",
        name: "客流计数",
        properties: &["people_inside", "flow_in", "flow_out"],
        interval_s: 60,
        thresholds: &[],
    },
    Class {
        key: "perimeter_alarm",
        name: "周界报警",
        properties: &["intrusion"],
        interval_s: 60,
        thresholds: &[Threshold("intrusion", "at_least", 1.0, 0.5, "major", "周界入侵")],
    },
    Class {
        key: "pump_station",
        name: "排涝泵站",
        properties: &["water_level_m", "pumps_running", "flow_m3ph", "power_kw"],
        interval_s: 60,
        thresholds: &[Threshold("water_level_m", "at_least", 17.2, 0.2, "major", "泵站前池水位过高")],
    },
    Class {
        key: "rain_gauge",
        name: "雨量计",
        properties: &["rain_mmph", "rain_mm_total"],
        interval_s: 60,
        thresholds: &[
            Threshold("rain_mmph", "at_least", 16.0, 3.0, "minor", "暴雨"),
            Threshold("rain_mmph", "at_least", 50.0, 8.0, "major", "大暴雨雨强"),
        ],
    },
    Class {
        key: "river_level",
        name: "江河水位计",
        properties: &["water_level_m"],
        interval_s: 60,
        thresholds: &[
            Threshold("water_level_m", "at_least", 18.5, 0.15, "minor", "超设防水位"),
            Threshold("water_level_m", "at_least", 19.0, 0.15, "major", "超警戒水位，闸口将进水"),
            Threshold("water_level_m", "at_least", 21.0, 0.15, "critical", "超保证水位"),
        ],
    },
    Class {
        key: "road_ponding",
        name: "道路积水",
        properties: &["ponding_depth_m"],
        interval_s: 60,
        thresholds: &[
            Threshold("ponding_depth_m", "at_least", 0.15, 0.05, "minor", "道路积水"),
            Threshold("ponding_depth_m", "at_least", 0.27, 0.05, "major", "积水过深，车辆禁行"),
        ],
    },
    Class {
        key: "smoke",
        name: "烟感",
        properties: &["smoke_alarm", "smoke_dbpm", "temperature_c", "battery_pct"],
        interval_s: 300,
        thresholds: &[Threshold("smoke_alarm", "at_least", 1.0, 0.5, "critical", "烟雾报警"), BATTERY],
    },
    Class {
        key: "sprinkler_pressure",
        name: "喷淋压力",
        properties: &["pressure_mpa", "battery_pct"],
        interval_s: 600,
        thresholds: &[Threshold("pressure_mpa", "at_most", 0.15, 0.03, "major", "喷淋水压不足")],
    },
    Class {
        key: "street_lamp",
        name: "路灯",
        properties: &["lamp_on", "power_kw", "fault"],
        interval_s: 900,
        thresholds: &[Threshold("fault", "at_least", 1.0, 0.5, "notice", "路灯故障")],
    },
    Class {
        key: "water_meter",
        name: "智能水表",
        properties: &["water_m3", "flow_m3ph"],
        interval_s: 3600,
        thresholds: &[],
    },
    Class {
        key: "water_quality",
        name: "二次供水水质",
        properties: &["chlorine_mgpl", "turbidity_ntu", "ph"],
        interval_s: 600,
        thresholds: &[
            Threshold("turbidity_ntu", "at_least", 1.0, 0.2, "minor", "供水浊度超标"),
            Threshold("chlorine_mgpl", "at_most", 0.05, 0.02, "minor", "余氯不足"),
        ],
    },
    Class {
        key: "weather_station",
        name: "气象站",
        properties: &["temperature_c", "humidity_pct", "wind_mps", "wind_dir_deg", "rain_mmph"],
        interval_s: 60,
        thresholds: &[Threshold("wind_mps", "at_least", 17.2, 2.0, "minor", "八级大风")],
    },
];

/// Dead band, seconds after which an unmoved value is frozen (0: it may stand still), fastest possible change per second
/// (0: any). From the makers' common data: resolution, and what the thing measured can do.
const TRAITS: &[(&str, f64, f64, f64)] = &[
    ("co2_ppm", 5.0, 86_400.0, 200.0),
    ("humidity_pct", 0.2, 86_400.0, 10.0),
    ("noise_dba", 0.1, 3600.0, 0.0),
    ("pm25_ugpm3", 0.5, 86_400.0, 50.0),
    ("pressure_mpa", 0.001, 0.0, 0.5),
    ("temperature_c", 0.05, 86_400.0, 30.0),
    ("water_level_m", 0.002, 0.0, 0.5),
    ("wind_mps", 0.05, 7200.0, 30.0),
];

/// Classes whose devices tell where somebody needs help or how they live.
const PERSONAL: &[&str] = &["care_button"];
/// Properties that tell when somebody is at home.
const PERSONAL_PROPERTIES: &[&str] = &["energy_kwh", "gas_m3", "heat_gj", "water_m3"];
/// Classes that take commands, and whether a second person must confirm them.
const COMMANDED: &[(&str, bool)] =
    &[("door_access", true), ("gas", true), ("parking_gate", true), ("pump_station", true), ("street_lamp", false)];

/// The class of a key.
pub fn class(key: &str) -> Option<&'static Class> {
    CLASSES.iter().find(|c| c.key == key)
}

/// `device_types.toml`.
pub fn toml() -> Result<String, std::fmt::Error> {
    let mut t = String::from("# Properties and device classes. Units are UCUM codes.\n");
    for Property(key, name, unit, min, max, states) in PROPERTIES {
        write!(t, "\n[property.{key}]\nname = \"{name}\"\nunit = \"{unit}\"\nmin = {min:?}\nmax = {max:?}\n")?;
        if !states.is_empty() {
            writeln!(t, "states = {states:?}")?;
        }
        if let Some((_, dead_band, frozen, spike)) = TRAITS.iter().find(|row| row.0 == *key) {
            writeln!(t, "dead_band = {dead_band:?}")?;
            for (field, value) in [("frozen_after_s", frozen), ("spike_per_s", spike)] {
                if *value > 0.0 {
                    writeln!(t, "{field} = {value:?}")?;
                }
            }
        }
        if PERSONAL_PROPERTIES.contains(key) {
            writeln!(t, "personal = true")?;
        }
    }
    for c in CLASSES {
        write!(
            t,
            "\n[class.{}]\nname = \"{}\"\nproperties = {:?}\nexpected_interval_s = {}\n",
            c.key, c.name, c.properties, c.interval_s
        )?;
        if PERSONAL.contains(&c.key) {
            writeln!(t, "personal = true")?;
        }
        if let Some((_, two_person)) = COMMANDED.iter().find(|row| row.0 == c.key) {
            writeln!(t, "commanded = true\ntwo_person = {two_person}")?;
        }
        for Threshold(property, when, limit, hysteresis, severity, text) in c.thresholds {
            write!(
                t,
                "\n[[class.{}.alarms]]\nproperty = \"{property}\"\nwhen = \"{when}\"\nlimit = {limit:?}\nhysteresis = {hysteresis:?}\nseverity = \"{severity}\"\ntext = \"{text}\"\n",
                c.key
            )?;
        }
    }
    Ok(t)
}

/// `rules.toml`: what thresholds alone cannot say.
pub const RULES: &str = r#"# Alarm rules beside the thresholds of the device classes. See twin-sync/sync_core/doc/rules.md.

[rule.offline]
text = "设备离线"
severity = "minor"
subject = { kind = "device" }
group = "offline"
when.no_data = { intervals = 1.2, grace_s = 30.0 }

[rule.fire_confirmed]
text = "同层两处火警"
severity = "critical"
subject = { kind = "storey" }
latched = true
actions = [{ do = "show" }, { do = "open_case", class = "安全隐患", title = "{place} {text}" }]
escalation = [{ after_min = 3, to = "网格长" }, { after_min = 10, to = "街道值班" }]
[rule.fire_confirmed.when.expression]
cel = "smoke + heat >= 2.0"
inputs.smoke = { property = "smoke_alarm", class = "smoke", aggregate = "count", at_least = 1.0 }
inputs.heat = { property = "heat_alarm", class = "heat_detector", aggregate = "count", at_least = 1.0 }

[rule.river_rising]
text = "江河水位快涨"
severity = "minor"
subject = { class = "river_level" }
on_delay_s = 120.0
off_delay_s = 600.0
when.rate = { property = "water_level_m", when = "at_least", per_hour = 0.5, window_s = 1800.0 }

[rule.waterlogging]
text = "暴雨叠加道路积水"
severity = "major"
subject = { class = "road_ponding" }
on_delay_s = 60.0
actions = [{ do = "open_case", class = "防洪防涝", title = "{place} {text}" }]
escalation = [{ after_min = 10, to = "网格长" }]
[rule.waterlogging.when.expression]
cel = "rain >= 16.0 && depth >= 0.1"
clear = "rain < 5.0 || depth < 0.05"
inputs.rain = { property = "rain_mmph", class = "rain_gauge", around = "community", aggregate = "max" }
inputs.depth = { property = "ponding_depth_m" }
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_consistent() {
        assert!(PROPERTIES.windows(2).all(|w| w[0].0 < w[1].0));
        assert!(CLASSES.windows(2).all(|w| w[0].key < w[1].key));
        for c in CLASSES {
            for key in c.properties.iter().chain(c.thresholds.iter().map(|t| &t.0)) {
                assert!(PROPERTIES.iter().any(|p| p.0 == *key), "{} {key}", c.key);
            }
        }
        let parsed: toml::Table = toml().unwrap().parse().unwrap();
        assert_eq!(parsed["class"].as_table().unwrap().len(), CLASSES.len());
        assert!(CLASSES.len() >= 30 && RULES.parse::<toml::Table>().is_ok());
    }
}
