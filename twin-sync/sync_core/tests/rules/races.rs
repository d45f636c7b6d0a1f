//! Whatever the order of triggers, ticks and operators: one open alarm for each (rule, entity).

use crate::fixture::{Machine, T0, entity, set, table};
use proptest::prelude::*;
use std::collections::BTreeMap;
use sync_core::{LiveEngine, LogRecord, LoggedMessage, LoggedSample, RuleBook};
use twin_model::*;

const RULES: &str = r#"
[rule.high]
text = "高"
severity = "major"
subject = { class = "smoke" }
when.threshold = { property = "smoke", when = "at_least", limit = 1.0 }
off_delay_s = 2
escalation = [{ after_min = 1, to = "网格长" }]
[rule.low]
text = "低"
severity = "minor"
subject = { class = "smoke" }
suppressed_by = ["storey"]
when.threshold = { property = "smoke", when = "at_most", limit = 0.0 }
on_delay_s = 1
[rule.offline]
text = "离线"
severity = "minor"
subject = { class = "smoke" }
when.no_data = { intervals = 1.2 }
[rule.storey]
text = "同层"
severity = "critical"
subject = { kind = "storey" }
latched = true
[rule.storey.when.expression]
cel = "n >= 2.0"
inputs.n = { property = "smoke", class = "smoke", aggregate = "count", at_least = 1.0 }
"#;

fn one_each<'a>(open: impl Iterator<Item = &'a Alarm>) {
    let mut seen = BTreeMap::new();
    for alarm in open {
        let twin = seen.insert((alarm.rule, alarm.entity), alarm.id);
        assert_eq!(twin, None, "{alarm:?}");
    }
}

/// T8: two triggers 1 ms apart, a million times.
#[test]
fn a_million_racing_triggers_raise_one_alarm_each() {
    const DEVICES: u32 = 2000;
    let rows = (0..DEVICES).map(|i| entity(i, EntityKind::Device, None, "smoke")).collect();
    let model = CommunityModel::new(Community::default(), rows).unwrap();
    let rules = set(&RULES[..RULES.find("[rule.low]").unwrap()]);
    let mut engine = LiveEngine::new(RuleBook::compile(&model, &table(), rules).unwrap());
    let smoke = table().id("smoke").unwrap().0;
    let (mut at, mut triggers, mut raised, mut acknowledged) = (T0, 0u32, 0usize, 0usize);
    let mut seq = Seq(1);
    for round in 0..250u32 {
        let mut batch = Vec::new();
        for device in 0..DEVICES {
            // Two triggers of two messages, 1 ms apart; every tenth round the smoke is gone between the rounds.
            for step in 0..2 {
                let value = if round % 10 == 9 { 0.0 } else { 1.0 };
                let observed_at = at + step;
                let samples = vec![LoggedSample { entity: device, property: smoke, value, quality: 0, observed_at }];
                triggers += 1;
                batch.push(LoggedMessage {
                    device: 1,
                    boot: 0,
                    seq: None,
                    device_ts: Some(observed_at),
                    received_at: observed_at,
                    samples,
                });
            }
        }
        let record = LogRecord::Observations(batch);
        raised += engine.apply(seq, &record).raised.len();
        seq = Seq(seq.0 + record.seq_count());
        at += 3000;
        engine.apply(seq, &LogRecord::Tick { at: TimeMs(at), elapsed_ms: 3000, resumed: false });
        seq = Seq(seq.0 + 1);
        one_each(engine.live().open_alarms());
        if round % 10 == 9 {
            let closing: Vec<AlarmId> = engine.live().open_alarms().map(|a| a.id).collect();
            for alarm in closing {
                acknowledged += 1;
                engine.apply(seq, &LogRecord::AlarmAck { alarm, at: TimeMs(at), by: None });
                seq = Seq(seq.0 + 1);
            }
        }
    }
    assert_eq!(triggers, 1_000_000);
    // 25 spells of smoke, 2,000 devices: one alarm for each spell and device.
    assert_eq!((raised, acknowledged), (50_000, 50_000));
}

#[derive(Debug, Clone)]
enum Step {
    Send { entity: u32, value: f64, after_ms: i64 },
    Pass { ms: u64, resumed: bool },
    Operate { pick: usize, what: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (4u32..10, 0u8..3, 1i64..4000)
            .prop_map(|(entity, v, after_ms)| Step::Send { entity, value: f64::from(v) * 0.5, after_ms }),
        2 => (0u64..90_000, proptest::bool::weighted(0.1)).prop_map(|(ms, resumed)| Step::Pass { ms, resumed }),
        2 => (0usize..8, 0u8..6).prop_map(|(pick, what)| Step::Operate { pick, what }),
    ]
}

fn operation(what: u8) -> AlarmOperation {
    match what {
        0 => AlarmOperation::Acknowledge,
        1 => AlarmOperation::Shelve { minutes: 1, reason: "x".into() },
        2 => AlarmOperation::Unshelve,
        3 => AlarmOperation::Reset,
        4 => AlarmOperation::TakeOutOfService { reason: "x".into() },
        _ => AlarmOperation::ReturnToService,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_history_has_one_alarm_each_and_replays(steps in proptest::collection::vec(step(), 1..120), save in 0usize..120) {
        let mut m = Machine::new(&format!("{RULES}[grouping]\nwindow_s = 30.0\nbuilding = 3\ngrid = 4\ncommunity = 6\n"));
        let mut at = T0;
        for (i, step) in steps.iter().enumerate() {
            if i == save { m.save(); }
            match step {
                Step::Send { entity, value, after_ms } => {
                    at += after_ms;
                    m.send_alone((at - T0) as f64 / 1000.0, *entity, &[("smoke", *value)]);
                }
                Step::Pass { ms, resumed } => {
                    at += *ms as i64;
                    m.commit(&LogRecord::Tick { at: TimeMs(at), elapsed_ms: *ms, resumed: *resumed });
                }
                Step::Operate { pick, what } => {
                    let open = m.open();
                    if let Some(alarm) = open.get(pick % open.len().max(1)) {
                        let id = alarm.id;
                        m.commit(&LogRecord::AlarmOperated { alarm: id, operation: operation(*what), at: TimeMs(at), by: None });
                    }
                }
            }
            one_each(m.engine.live().open_alarms());
            for incident in m.engine.live().incidents().filter(|i| !i.closed) {
                let members: Vec<Alarm> = m.open().into_iter().filter(|a| a.incident == Some(incident.id)).collect();
                prop_assert_eq!(incident.open as usize, members.len());
                prop_assert_eq!(incident.active as usize, members.iter().filter(|a| a.active).count());
            }
        }
        m.replays();
    }
}
