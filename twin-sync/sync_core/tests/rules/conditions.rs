//! When a condition is met.

use crate::fixture::{Machine, T0, model, set, table};
use sync_core::RuleBook;
use twin_model::{AlarmState, TimeMs};

const DELAYED: &str = r#"
[rule.high]
text = "水位过高"
severity = "major"
subject = { class = "level" }
when.threshold = { property = "level", when = "at_least", limit = 20.0, hysteresis = 1.0 }
on_delay_s = 30
off_delay_s = 60
"#;

#[test]
fn delays_are_waited_out_by_samples_and_by_time() {
    let mut m = Machine::new(DELAYED);
    m.send(0.0, 11, &[("level", 21.0)]);
    m.send(20.0, 11, &[("level", 22.0)]);
    assert!(m.open().is_empty());
    // Half way the level falls: the delay begins anew.
    m.send(25.0, 11, &[("level", 18.0)]);
    m.send(26.0, 11, &[("level", 21.0)]);
    m.until(55.0);
    assert!(m.open().is_empty());
    m.save();
    // Nothing more is heard, but time passes.
    let applied = m.until(56.1);
    assert_eq!(applied.raised.len(), 1);
    assert_eq!(m.open()[0].raised_at, TimeMs(T0 + 26_000));
    // Samples alone carry it back: no tick in between.
    m.send(60.0, 11, &[("level", 18.5)]);
    m.send(119.0, 11, &[("level", 18.5)]);
    assert_eq!(m.states(), [AlarmState::Unacknowledged]);
    m.send(120.0, 11, &[("level", 18.5)]);
    assert_eq!(m.states(), [AlarmState::ReturnedUnacknowledged]);
    m.replays();
}

#[test]
fn a_rate_is_the_change_over_its_window() {
    let mut m = Machine::new(
        r#"
[rule.rising]
text = "水位快涨"
severity = "minor"
subject = { class = "level" }
when.rate = { property = "level", when = "at_least", per_hour = 0.5, window_s = 600 }
"#,
    );
    // 0.3 m an hour, then 1 m an hour.
    for i in 0..30 {
        m.send(f64::from(i) * 60.0, 11, &[("level", 10.0 + f64::from(i) * 0.005)]);
    }
    assert!(m.open().is_empty());
    m.save();
    let mut raised_at_min = None;
    for i in 0..20 {
        let applied = m.send(1800.0 + f64::from(i) * 60.0, 11, &[("level", 10.15 + f64::from(i) / 60.0)]);
        if !applied.raised.is_empty() {
            raised_at_min = Some(i);
        }
    }
    // The mean over ten minutes passes 0.5 m/h once 0.3 (1 - k/10) + 1.0 k/10 ≥ 0.5: at the third minute.
    assert_eq!(raised_at_min, Some(3));
    m.replays();
}

const SILENT: &str = r#"
[rule.offline]
text = "设备离线"
severity = "minor"
subject = { kind = "device" }
when.no_data = { intervals = 1.2, grace_s = 5 }
"#;

#[test]
fn silence_is_noticed_within_the_interval_and_its_grace() {
    let mut m = Machine::new(SILENT);
    m.send(0.0, 4, &[("smoke", 0.0)]);
    m.send(0.0, 11, &[("level", 0.0)]);
    m.send(50.0, 4, &[("smoke", 0.0)]);
    // Device 4 is due at 50 + 77 s, device 11 at 77 s.
    m.until(76.9);
    assert!(m.open().is_empty());
    m.until(77.0);
    assert_eq!(m.open().iter().map(|a| a.entity.0).collect::<Vec<_>>(), [11]);
    m.save();
    m.send(80.0, 11, &[("level", 0.0)]);
    assert_eq!(m.states(), [AlarmState::ReturnedUnacknowledged]);
    // What was never heard is not offline, it is not there yet.
    m.until(126.9);
    assert_eq!(m.open().len(), 1);
    m.until(127.1);
    assert_eq!(m.open().iter().map(|a| a.entity.0).collect::<Vec<_>>(), [11, 4]);
    m.replays();
}

#[test]
fn a_late_sample_is_a_sign_of_life_and_a_restart_gives_time() {
    let mut m = Machine::new(SILENT);
    m.send(100.0, 11, &[("level", 1.0)]);
    m.until(150.0);
    // Its clock went back: the value is late, the device is there.
    assert_eq!(m.send_alone(90.0, 11, &[("level", 2.0)]).late, 1);
    m.until(220.0);
    assert!(m.open().is_empty());
    m.save();
    m.commit(&sync_core::LogRecord::Tick { at: TimeMs(T0 + 90_000_000), elapsed_ms: 80_000_000, resumed: true });
    assert!(m.open().is_empty(), "nobody could be heard while the server was down");
    m.commit(&sync_core::LogRecord::Tick { at: TimeMs(T0 + 90_078_000), elapsed_ms: 78_000, resumed: false });
    assert_eq!(m.open().len(), 1);
    m.replays();
}

#[test]
fn a_clock_that_is_set_ends_no_delay_and_silences_nobody() {
    let mut m = Machine::new(SILENT);
    m.send(0.0, 11, &[("level", 1.0)]);
    // The server's clock jumps ahead by an hour; one second has passed.
    m.commit(&sync_core::LogRecord::Tick { at: TimeMs(T0 + 3_601_000), elapsed_ms: 1000, resumed: false });
    m.send_alone(3603.0, 4, &[("smoke", 0.0)]);
    m.commit(&sync_core::LogRecord::Tick { at: TimeMs(T0 + 3_000), elapsed_ms: 1000, resumed: false });
    assert!(m.open().is_empty());
    m.replays();
}

#[test]
fn a_moving_device_is_inside_an_area_or_not() {
    let mut m = Machine::new(
        r#"
[rule.on_lawn]
text = "割草机出界"
severity = "minor"
subject = { codes = ["e12"] }
when.geo = { x = "x", y = "y", area = "e13", inside = false, hysteresis_m = 1.0 }
"#,
    );
    m.send(0.0, 12, &[("x", 5.0), ("y", 5.0)]);
    // From (5, 5) to (9, 9): (9, 5) in between was never a place of it.
    m.send(10.0, 12, &[("x", 9.0), ("y", 9.0)]);
    assert!(m.open().is_empty());
    m.send(20.0, 12, &[("x", 10.5), ("y", 5.0)]);
    assert_eq!(m.open().len(), 1);
    m.send(30.0, 12, &[("x", 9.5), ("y", 5.0)]);
    assert_eq!(m.states(), [AlarmState::Unacknowledged], "half a metre inside is not enough");
    m.send(40.0, 12, &[("x", 8.9), ("y", 5.0)]);
    assert_eq!(m.states(), [AlarmState::ReturnedUnacknowledged]);
    m.replays();
}

#[test]
fn two_of_three_detectors_of_one_storey() {
    let mut m = Machine::new(
        r#"
[rule.fire]
text = "同层两处烟感报警"
severity = "critical"
subject = { kind = "storey" }
[rule.fire.when.expression]
cel = "n >= 2.0"
inputs.n = { property = "smoke", class = "smoke", aggregate = "count", at_least = 1.0 }
"#,
    );
    m.send(0.0, 4, &[("smoke", 1.0)]);
    m.send(1.0, 7, &[("smoke", 1.0)]);
    assert!(m.open().is_empty(), "two detectors, but of two storeys");
    m.save();
    assert_eq!(m.send(2.0, 6, &[("smoke", 1.0)]).raised.len(), 1);
    assert_eq!((m.open()[0].entity.0, m.open()[0].text.as_str()), (2, "同层两处烟感报警"));
    // The first one has not been heard of for more than three intervals: its smoke no longer counts.
    m.send(200.0, 6, &[("smoke", 1.0)]);
    assert_eq!(m.states(), [AlarmState::ReturnedUnacknowledged]);
    m.replays();
}

#[test]
fn rain_and_level_together_with_a_condition_of_their_own_for_the_end() {
    let mut m = Machine::new(
        r#"
[rule.waterlogging]
text = "内涝风险"
severity = "major"
subject = { class = "level" }
[rule.waterlogging.when.expression]
cel = "rain > 16.0 && level > 3.0"
clear = "rain < 5.0 || level < 2.0"
inputs.rain = { property = "rain", class = "rain", around = "grid" }
inputs.level = { property = "level" }
"#,
    );
    m.send(0.0, 11, &[("level", 4.0)]);
    assert!(m.open().is_empty(), "no rain is known");
    m.send(1.0, 10, &[("rain", 20.0)]);
    assert_eq!(m.open()[0].entity.0, 11);
    m.send(2.0, 10, &[("rain", 10.0)]);
    assert_eq!(m.states(), [AlarmState::Unacknowledged], "between the two conditions nothing changes");
    m.send(3.0, 10, &[("rain", 1.0)]);
    assert_eq!(m.states(), [AlarmState::ReturnedUnacknowledged]);
    m.replays();
}

#[test]
fn bad_rules_are_refused_by_name() {
    let error = |text: &str| RuleBook::compile(&model(), &table(), set(text)).unwrap_err().to_string();
    let rule = |field: &str, with: &str| DELAYED.replace(field, with);
    assert_eq!(
        error(&rule("\"level\", when", "\"wind\", when")),
        "rule high: property = \"wind\": must be a property of device_types.toml"
    );
    assert_eq!(error(&rule("on_delay_s = 30", "on_delay_s = -1")), "rule high: on_delay_s = -1: must be 0..86400");
    assert!(error(&rule("class = \"level\"", "")).contains("at least one of class, kind, codes"));
    let cel = r#"
[rule.x]
text = "x"
severity = "minor"
subject = { class = "level" }
when.expression = { cel = "level > 3.0 && winds > 1.0", inputs = { level = { property = "level" } } }
"#;
    assert_eq!(error(cel), "rule x: cel, column 16: \"winds\" is not an input of the rule (inputs: level)");
    assert!(error("[grouping]\nwindow_s = 0").contains("grouping.window_s = 0: must be 1..3600"));
    assert!(toml::from_str::<twin_model::RuleSet>(&rule("off_delay_s", "of_delay_s")).is_err());
    // Without a rule file the thresholds of the device classes are all there is.
    assert_eq!(RuleBook::compile(&model(), &table(), set("")).unwrap().watched(), 0);
}

#[test]
fn rules_that_change_keep_what_both_know() {
    let mut m = Machine::new(DELAYED);
    m.send(0.0, 11, &[("level", 25.0)]);
    m.until(31.0);
    let alarm = m.open()[0].clone();
    let wider = format!("{SILENT}{}", DELAYED.replace("limit = 20.0", "limit = 24.0"));
    let change =
        |text: &str| sync_core::LogRecord::RulesChanged { rules: Box::new(set(text)), at: TimeMs(T0 + 32_000) };
    m.commit(&change(&wider));
    assert_eq!((m.open()[0].id, m.open()[0].state), (alarm.id, alarm.state));
    assert_eq!(m.engine.rules().rule(m.open()[0].rule).unwrap().0, "high");
    m.save();
    m.send(40.0, 11, &[("level", 22.5)]);
    m.until(101.0);
    assert_eq!(m.states(), [AlarmState::ReturnedUnacknowledged]);
    m.commit(&change(SILENT));
    assert_eq!(m.states(), [AlarmState::Normal], "a rule that is gone has no open alarm");
    m.replays();
}
