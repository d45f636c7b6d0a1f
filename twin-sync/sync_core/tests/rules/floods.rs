//! Many alarms at once, and one that comes and goes.

use crate::fixture::{Machine, entity, table};
use twin_model::{AlarmOperation, AlarmState, Community, CommunityModel, Entity, EntityKind, RuleSet};

const OFFLINE: &str = r#"
[rule.offline]
text = "设备离线"
severity = "minor"
subject = { kind = "device" }
group = "offline"
when.no_data = { intervals = 1.2, grace_s = 5 }
"#;

/// A community (0), 4 grids, 10 buildings each, `per` devices each.
fn district(per: u32) -> CommunityModel {
    let mut rows: Vec<Entity> = vec![entity(0, EntityKind::Community, None, "")];
    let mut add = |kind, parent, class: &str| {
        let id = rows.len() as u32;
        rows.push(entity(id, kind, Some(parent), class));
        id
    };
    for _ in 0..4 {
        let grid = add(EntityKind::Grid, 0, "");
        for _ in 0..10 {
            let building = add(EntityKind::Building, grid, "");
            for _ in 0..per {
                add(EntityKind::Device, building, "smoke");
            }
        }
    }
    CommunityModel::new(Community::default(), rows).unwrap()
}

fn devices(model: &CommunityModel) -> Vec<u32> {
    model.of_kind(EntityKind::Device).map(|e| e.id.0).collect()
}

fn machine(model: &CommunityModel) -> Machine {
    Machine::over(model, &table(), toml::from_str::<RuleSet>(OFFLINE).unwrap())
}

/// T9: a whole subdistrict goes offline.
#[test]
fn five_thousand_devices_offline_are_one_incident() {
    let model = district(125);
    let all = devices(&model);
    assert_eq!(all.len(), 5000);
    let mut m = machine(&model);
    for device in &all {
        m.send(0.0, *device, &[("smoke", 0.0)]);
    }
    m.save();
    m.until(78.0);
    assert_eq!(m.open().len(), 5000);
    let live = m.engine.live();
    let open: Vec<_> = live.incidents().filter(|i| !i.closed).collect();
    assert_eq!(open.len(), 1, "{open:?}");
    let incident = open[0].clone();
    assert_eq!((incident.place.0, incident.members, incident.active, incident.unacknowledged), (0, 5000, 5000, 5000));
    assert!(m.open().iter().all(|a| a.incident == Some(incident.id)));
    assert!(live.incidents().filter(|i| i.closed).all(|i| i.merged_into.is_some()));
    // They come back; the last acknowledgement closes the incident.
    for device in &all {
        m.send(90.0, *device, &[("smoke", 0.0)]);
    }
    let held = m.engine.live().incident(incident.id).unwrap();
    assert_eq!((held.open, held.active, held.unacknowledged), (5000, 0, 5000));
    for alarm in m.open() {
        m.operate(alarm.id, AlarmOperation::Acknowledge);
    }
    assert!(m.engine.live().incident(incident.id).unwrap().closed && m.open().is_empty());
    m.replays();
}

#[test]
fn one_building_is_an_incident_of_that_building_and_few_are_none() {
    let model = district(90);
    let all = devices(&model);
    let mut m = machine(&model);
    (0..4).for_each(|i| drop(m.send(0.0, all[i], &[("smoke", 0.0)])));
    m.until(1.0);
    m.until(78.0);
    assert_eq!((m.open().len(), m.engine.live().incidents().count()), (4, 0));
    // Long after, all 86 others of the same building: more than a grid's or the community's limit, but of one building.
    for device in &all[4..90] {
        m.send(1000.0, *device, &[("smoke", 0.0)]);
    }
    m.until(1001.0);
    m.save();
    m.until(1100.0);
    let incidents: Vec<_> = m.engine.live().incidents().collect();
    assert_eq!(incidents.len(), 1);
    assert_eq!((incidents[0].place.0, incidents[0].members), (2, 86));
    m.replays();
}

const SMOKE: &str = r#"
[rule.smoke]
text = "烟雾报警"
severity = "critical"
subject = { class = "smoke" }
when.threshold = { property = "smoke", when = "at_least", limit = 1.0 }
[[rule.smoke.actions]]
do = "open_case"
class = "安全隐患"
title = "{place} {text}"
"#;

/// T7: 10 Hz for ten minutes.
#[test]
fn a_flapping_detector_is_one_alarm_with_a_count() {
    for operated in
        [None, Some(AlarmOperation::Acknowledge), Some(AlarmOperation::Shelve { minutes: 60, reason: "抖动".into() })]
    {
        let mut m = Machine::new(SMOKE);
        for i in 0..6000u32 {
            let at_s = f64::from(i) / 10.0;
            m.send(at_s, 4, &[("smoke", f64::from((i + 1) % 2))]);
            if i % 10 == 0 {
                m.until(at_s);
            }
            if i == 3000 {
                if let Some(operation) = operated.clone() {
                    let id = m.open()[0].id;
                    m.operate(id, operation);
                }
                m.save();
            }
        }
        let alarms: Vec<_> = m.engine.live().alarms().cloned().collect();
        assert_eq!(alarms.len(), 1, "{operated:?}");
        assert_eq!((alarms[0].count, m.engine.due_actions().count()), (3000, 1), "{operated:?}");
        let expected = match operated {
            None => AlarmState::Unacknowledged,
            Some(AlarmOperation::Acknowledge) => AlarmState::Acknowledged,
            Some(_) => AlarmState::Shelved,
        };
        assert_eq!(alarms[0].state, expected);
        // A minute of quiet ends it.
        m.until(662.0);
        let end = m.engine.live().alarms().next().unwrap().state;
        assert_ne!(end, AlarmState::Unacknowledged);
        assert!(m.engine.journal().entries().count() <= 4, "the operator was not told 3000 times");
        m.replays();
    }
}
