//! Linked actions and commands.

use crate::fixture::{Machine, T0};
use sync_core::{LogRecord, check_command};
use twin_model::{
    AccountId, AlarmId, DeviceCommand, DeviceCommandId, DeviceCommandState, EntityId, NewDeviceCommand, TimeMs,
};

const GAS: &str = r#"
[rule.gas]
text = "燃气泄漏"
severity = "critical"
subject = { class = "smoke" }
when.threshold = { property = "smoke", when = "at_least", limit = 1.0 }
[[rule.gas.actions]]
do = "open_case"
class = "安全隐患"
title = "{place} {text}"
[[rule.gas.actions]]
do = "show"
[[rule.gas.actions]]
do = "command"
name = "close_valve"
expires_s = 60
two_person = true
"#;

#[test]
fn actions_are_due_once_for_each_occurrence() {
    let mut m = Machine::new(GAS);
    m.send(0.0, 4, &[("smoke", 1.0)]);
    let first = m.open()[0].id;
    assert_eq!(m.open()[0].focus, Some(EntityId(4)));
    assert_eq!(m.engine.due_actions().collect::<Vec<_>>(), [(first, 0), (first, 2)]);
    let done = |index| LogRecord::ActionDone { alarm: first, index, outcome: "case 1".into(), at: TimeMs(T0) };
    m.commit(&done(0));
    m.save();
    // It returns and comes back: the same occurrence.
    m.send(100.0, 4, &[("smoke", 0.0)]);
    m.send(200.0, 4, &[("smoke", 1.0)]);
    assert_eq!(m.engine.due_actions().collect::<Vec<_>>(), [(first, 2)]);
    m.commit(&done(2));
    assert!(!m.engine.is_due(first, 2));
    m.send(300.0, 4, &[("smoke", 0.0)]);
    m.commit(&LogRecord::AlarmAck { alarm: first, at: TimeMs(T0), by: None });
    m.send(400.0, 4, &[("smoke", 1.0)]);
    assert!(m.engine.due_actions().all(|(id, _)| id == AlarmId(first.0 + 1)));
    assert_eq!(m.engine.due_actions().count(), 2);
    m.replays();
}

fn command(id: u64, two_person: bool, by: Option<AccountId>) -> LogRecord {
    let order =
        NewDeviceCommand { device: EntityId(4), name: "close_valve".into(), value: None, expires_s: 60, two_person };
    let state = if two_person { DeviceCommandState::WaitsForSecond } else { DeviceCommandState::Issued };
    LogRecord::CommandIssued {
        command: Box::new(DeviceCommand {
            id: DeviceCommandId(id),
            order,
            alarm: None,
            by,
            confirmed_by: None,
            at: TimeMs(T0),
            expires_at: TimeMs(T0 + 60_000),
            state,
            note: String::new(),
        }),
    }
}

#[test]
fn a_command_needs_its_second_person_and_ends_once() {
    let mut m = Machine::new(GAS);
    m.until(0.0);
    let (asked, other) = (AccountId(1), AccountId(2));
    m.commit(&command(1, true, Some(asked)));
    let step = |m: &mut Machine, to, by| {
        let id = DeviceCommandId(1);
        m.commit(&LogRecord::CommandMoved { command: id, to, note: String::new(), at: TimeMs(T0 + 1000), by });
        m.engine.commands().get(id).unwrap().state
    };
    use DeviceCommandState::{Done, Issued, Refused, WaitsForSecond};
    let line = m.engine.commands().check_move(DeviceCommandId(1), Issued, Some(asked)).unwrap_err().to_string();
    assert_eq!(line, "command 1 needs a second person: who asked for it cannot confirm it");
    assert_eq!(step(&mut m, Issued, Some(asked)), WaitsForSecond);
    assert_eq!(step(&mut m, Done, None), WaitsForSecond, "nothing was sent that could be done");
    assert_eq!(step(&mut m, Issued, Some(other)), Issued);
    m.save();
    assert_eq!(step(&mut m, Done, None), Done);
    assert_eq!(step(&mut m, Refused, None), Done, "the first answer stands");
    m.commit(&command(2, false, None));
    m.until(61.0);
    let held: Vec<DeviceCommandState> = m.engine.commands().iter().map(|c| c.state).collect();
    assert_eq!(held, [Done, DeviceCommandState::Expired]);
    assert_eq!(m.engine.commands().next_id(), DeviceCommandId(3));
    m.replays();
}

#[test]
fn commands_are_checked_by_field() {
    let order = |name: &str, expires_s| NewDeviceCommand {
        device: EntityId(1),
        name: name.into(),
        value: None,
        expires_s,
        two_person: false,
    };
    assert!(check_command(&order("open_door", 5)).is_ok());
    assert_eq!(
        check_command(&order("open door", 5)).unwrap_err().to_string(),
        "name = \"open door\": must be 1..40 of a-z 0-9 _"
    );
    assert_eq!(check_command(&order("open", 0)).unwrap_err().to_string(), "expires_s = 0: must be 1..3600");
}
