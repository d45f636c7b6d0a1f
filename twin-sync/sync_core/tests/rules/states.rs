//! ISA-18.2 states and what operators do.

use crate::fixture::{Machine, T0};
use sync_core::{OperateError, check_operation};
use twin_model::{AccountId, AlarmId, AlarmOperation, AlarmState, TimeMs};

const SMOKE: &str = r#"
[rule.smoke]
text = "烟雾报警"
severity = "critical"
subject = { class = "smoke" }
when.threshold = { property = "smoke", when = "at_least", limit = 1.0 }
"#;

fn shelve(minutes: u32) -> AlarmOperation {
    AlarmOperation::Shelve { minutes, reason: "检修".into() }
}

#[test]
fn who_acknowledged_is_kept() {
    let mut m = Machine::new(SMOKE);
    m.send(0.0, 4, &[("smoke", 1.0)]);
    let id = m.open()[0].id;
    m.operate(id, AlarmOperation::Acknowledge);
    let alarm = &m.open()[0];
    assert_eq!((alarm.state, alarm.acknowledged_by), (AlarmState::Acknowledged, Some(AccountId(7))));
    m.send(1.0, 4, &[("smoke", 0.0)]);
    assert_eq!(m.states(), [AlarmState::Normal]);
    m.replays();
}

#[test]
fn shelving_ends_by_itself_and_by_hand() {
    let mut m = Machine::new(SMOKE);
    m.send(0.0, 4, &[("smoke", 1.0)]);
    let id = m.open()[0].id;
    m.operate(id, shelve(10));
    assert_eq!(m.open()[0].state, AlarmState::Shelved);
    assert_eq!(m.open()[0].shelving.as_ref().unwrap().until, TimeMs(T0 + 600_000));
    // It goes and comes back meanwhile: no new alarm, still shelved.
    m.send(1.0, 4, &[("smoke", 0.0)]);
    m.send(2.0, 4, &[("smoke", 1.0)]);
    assert_eq!((m.open().len(), m.open()[0].state, m.open()[0].count), (1, AlarmState::Shelved, 2));
    m.until(300.0);
    // Shelved again for longer: the first end no longer counts.
    m.operate(id, shelve(20));
    m.save();
    m.until(700.0);
    assert_eq!(m.open()[0].state, AlarmState::Shelved);
    m.until(1500.1);
    assert_eq!(m.open()[0].state, AlarmState::Unacknowledged);
    m.operate(id, shelve(1));
    m.send(1501.0, 4, &[("smoke", 0.0)]);
    assert_eq!(m.open()[0].state, AlarmState::Shelved);
    m.operate(id, AlarmOperation::Unshelve);
    assert_eq!(m.states(), [AlarmState::Normal], "what went while it was shelved leaves nothing to acknowledge");
    m.replays();
}

#[test]
fn a_latched_alarm_waits_for_its_reset() {
    let mut m = Machine::new(&format!("{SMOKE}latched = true\n"));
    m.send(0.0, 4, &[("smoke", 1.0)]);
    m.send(1.0, 4, &[("smoke", 0.0)]);
    let id = m.open()[0].id;
    assert_eq!(m.states(), [AlarmState::LatchedUnacknowledged]);
    m.operate(id, AlarmOperation::Acknowledge);
    assert_eq!(m.states(), [AlarmState::Latched]);
    m.send(2.0, 4, &[("smoke", 1.0)]);
    assert_eq!(m.states(), [AlarmState::Unacknowledged]);
    m.send(3.0, 4, &[("smoke", 0.0)]);
    m.operate(id, AlarmOperation::Reset);
    assert_eq!(m.states(), [AlarmState::Normal]);
    m.send(4.0, 4, &[("smoke", 1.0)]);
    assert_eq!(m.engine.live().alarms().count(), 2);
    m.replays();
}

#[test]
fn out_of_service_raises_nothing_until_it_is_back() {
    let mut m = Machine::new(SMOKE);
    m.send(0.0, 4, &[("smoke", 1.0)]);
    let id = m.open()[0].id;
    m.operate(id, AlarmOperation::TakeOutOfService { reason: "更换探头".into() });
    assert_eq!(m.open()[0].state, AlarmState::OutOfService);
    m.send(1.0, 4, &[("smoke", 0.0)]);
    assert_eq!(m.states(), [AlarmState::Normal]);
    assert!(m.send(2.0, 4, &[("smoke", 1.0)]).raised.is_empty());
    m.save();
    let row = m.engine.out_of_service().next().unwrap().clone();
    assert_eq!((row.reason.as_str(), row.by), ("更换探头", Some(AccountId(7))));
    let back =
        sync_core::LogRecord::ReturnedToService { rule: row.rule, entity: row.entity, at: TimeMs(T0 + 3000), by: None };
    assert_eq!(m.commit(&back).raised.len(), 1, "it is smoky, so the alarm is there at once");
    assert_eq!(m.engine.out_of_service().count(), 0);
    m.replays();
}

const SUPPRESSED: &str = r#"
[rule.offline]
text = "设备离线"
severity = "minor"
subject = { kind = "storey" }
[rule.offline.when.expression]
cel = "n >= 1.0"
inputs.n = { property = "battery", class = "smoke", aggregate = "count", at_least = 1.0 }
[rule.smoke]
text = "烟雾报警"
severity = "critical"
subject = { class = "smoke" }
suppressed_by = ["offline"]
when.threshold = { property = "smoke", when = "at_least", limit = 1.0 }
"#;

#[test]
fn an_alarm_that_another_one_explains_is_hidden() {
    let mut m = Machine::new(SUPPRESSED);
    m.send(0.0, 4, &[("smoke", 1.0)]);
    m.send(0.0, 7, &[("smoke", 1.0)]);
    m.send(1.0, 5, &[("battery", 1.0)]);
    let state = |m: &Machine, entity: u32| m.open().iter().find(|a| a.entity.0 == entity).map(|a| a.state);
    assert_eq!(state(&m, 4), Some(AlarmState::Suppressed));
    assert_eq!(state(&m, 7), Some(AlarmState::Unacknowledged), "another storey");
    // Born hidden, and gone without a trace.
    m.send(2.0, 6, &[("smoke", 1.0)]);
    assert_eq!(state(&m, 6), Some(AlarmState::Suppressed));
    m.save();
    m.send(3.0, 6, &[("smoke", 0.0)]);
    assert_eq!(state(&m, 6), None);
    m.send(4.0, 5, &[("battery", 0.0)]);
    assert_eq!(state(&m, 4), Some(AlarmState::Unacknowledged));
    m.replays();
}

#[test]
fn nobody_acknowledges_so_others_are_told() {
    let mut m = Machine::new(&format!(
        "{SMOKE}escalation = [{{ after_min = 5, to = \"网格长\" }}, {{ after_min = 15, to = \"街道值班\" }}]\n"
    ));
    m.send(0.0, 4, &[("smoke", 1.0)]);
    m.send(0.0, 7, &[("smoke", 1.0)]);
    m.until(299.0);
    assert!(m.open().iter().all(|a| a.escalation == 0));
    m.save();
    m.until(301.0);
    assert!(m.open().iter().all(|a| a.escalation == 1));
    let seen = m.open()[0].id;
    m.operate(seen, AlarmOperation::Acknowledge);
    m.until(2000.0);
    let told: Vec<u8> = m.open().iter().map(|a| a.escalation).collect();
    assert_eq!(told, [1, 2]);
    m.replays();
}

#[test]
fn what_is_not_possible_is_refused_in_one_line() {
    let mut m = Machine::new(SMOKE);
    m.send(0.0, 4, &[("smoke", 1.0)]);
    let id = m.open()[0].id;
    let refuse = |m: &Machine, id, op: &AlarmOperation| check_operation(m.engine.live(), id, op).unwrap_err();
    assert_eq!(refuse(&m, AlarmId(99), &AlarmOperation::Acknowledge), OperateError::Unknown(AlarmId(99)));
    assert_eq!(refuse(&m, id, &shelve(0)).to_string(), "minutes = 0: must be 1..10080");
    let blank = AlarmOperation::Shelve { minutes: 5, reason: " ".into() };
    assert_eq!(refuse(&m, id, &blank).to_string(), "reason = 0 characters: must be 1..200 characters");
    let line = refuse(&m, id, &AlarmOperation::Reset).to_string();
    assert_eq!(line, format!("alarm {id} is 未确认: resetting is not possible"));
    // A record that no longer fits changes nothing.
    m.operate(id, AlarmOperation::Reset);
    assert_eq!(m.states(), [AlarmState::Unacknowledged]);
}
