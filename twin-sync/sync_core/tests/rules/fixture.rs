//! A small community and an engine whose every record is logged and replayed.

use std::collections::BTreeMap;
use sync_core::*;
use twin_model::*;

pub const T0: i64 = 1_700_000_000_000;

/// Grid 0, building 1, storeys 2 and 3 with three detectors each (4..=9), a rain gauge 10, a level 11, a mower 12, a
/// gate 13 whose footprint is an area.
pub fn model() -> CommunityModel {
    let mut rows: Vec<(EntityKind, Option<u32>, &str)> = vec![
        (EntityKind::Grid, None, ""),
        (EntityKind::Building, Some(0), ""),
        (EntityKind::Storey, Some(1), ""),
        (EntityKind::Storey, Some(1), ""),
    ];
    (4..10).for_each(|i| rows.push((EntityKind::Device, Some(if i < 7 { 2 } else { 3 }), "smoke")));
    rows.push((EntityKind::Device, Some(0), "rain"));
    rows.push((EntityKind::Device, Some(0), "level"));
    rows.push((EntityKind::Device, Some(0), "mower"));
    rows.push((EntityKind::Green, Some(0), ""));
    let entities = rows.into_iter().zip(0u32..).map(|((kind, parent, class), id)| {
        let mut e = entity(id, kind, parent, class);
        if kind == EntityKind::Green {
            e.footprint = Some(Polygon(vec![vec![[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]]]));
        }
        e
    });
    CommunityModel::new(Community::default(), entities.collect()).unwrap()
}

pub fn entity(id: u32, kind: EntityKind, parent: Option<u32>, class: &str) -> Entity {
    Entity {
        id: EntityId(id),
        kind,
        parent: parent.map(EntityId),
        name: format!("e{id}"),
        code: format!("e{id}"),
        class: class.into(),
        p_enu: [0.0; 3],
        height_m: 0.0,
        base_z_m: 0.0,
        footprint: None,
        line: vec![],
        camera: None,
        attributes: BTreeMap::new(),
        source: FeatureRef::default(),
    }
}

pub fn table() -> PropertyTable {
    let def = |key: &str| PropertyDef {
        key: key.into(),
        name: key.into(),
        unit: "1".into(),
        min: -1000.0,
        max: 1000.0,
        states: vec![],
    };
    let class = |properties: &[&str], expected_interval_s: f64| DeviceClass {
        name: "类".into(),
        properties: properties.iter().map(|p| (*p).to_owned()).collect(),
        expected_interval_s,
        alarms: vec![],
    };
    let classes = BTreeMap::from([
        ("smoke".to_owned(), class(&["smoke"], 60.0)),
        ("rain".to_owned(), class(&["rain"], 60.0)),
        ("level".to_owned(), class(&["level"], 60.0)),
        ("mower".to_owned(), class(&["x", "y"], 10.0)),
    ]);
    let keys = ["battery", "level", "rain", "smoke", "x", "y"];
    PropertyTable::new(keys.iter().map(|k| def(k)).collect(), classes).unwrap()
}

/// Rules from the text of a rule file.
pub fn set(text: &str) -> RuleSet {
    toml::from_str(text).unwrap()
}

pub struct Machine {
    pub engine: LiveEngine,
    book: RuleBook,
    log: Vec<(Seq, Vec<u8>)>,
    now: i64,
    saved: Option<(usize, String)>,
}

impl Machine {
    pub fn new(rules: &str) -> Self {
        Self::over(&model(), &table(), set(rules))
    }

    pub fn over(model: &CommunityModel, table: &PropertyTable, rules: RuleSet) -> Self {
        let book = RuleBook::compile(model, table, rules).unwrap();
        Self { engine: LiveEngine::new(book.clone()), book, log: vec![], now: T0, saved: None }
    }

    pub fn commit(&mut self, record: &LogRecord) -> Applied {
        let first = Seq(self.engine.live().seq().0 + 1);
        self.log.push((first, record.encode().unwrap()));
        self.engine.apply(first, record)
    }

    /// One message of a device at `at_s` seconds; as on the server, a tick goes before it when a second has passed.
    pub fn send(&mut self, at_s: f64, entity: u32, values: &[(&str, f64)]) -> Applied {
        if T0 + (at_s * 1000.0) as i64 >= self.now + 1000 {
            self.until(at_s);
        }
        self.send_alone(at_s, entity, values)
    }

    /// One message without a tick.
    pub fn send_alone(&mut self, at_s: f64, entity: u32, values: &[(&str, f64)]) -> Applied {
        let at = T0 + (at_s * 1000.0) as i64;
        let table = table();
        let sample = |(key, value): &(&str, f64)| LoggedSample {
            entity,
            property: table.id(key).unwrap().0,
            value: *value,
            quality: 0,
            observed_at: at,
        };
        let samples = values.iter().map(sample).collect();
        let message = LoggedMessage { device: 1, boot: 0, seq: None, device_ts: Some(at), received_at: at, samples };
        self.commit(&LogRecord::Observations(vec![message]))
    }

    /// Lets time pass until `at_s` seconds, in one tick.
    pub fn until(&mut self, at_s: f64) -> Applied {
        let at = T0 + (at_s * 1000.0) as i64;
        let elapsed_ms = u64::try_from(at - self.now).unwrap();
        self.now = at;
        self.commit(&LogRecord::Tick { at: TimeMs(at), elapsed_ms, resumed: false })
    }

    pub fn operate(&mut self, alarm: AlarmId, operation: AlarmOperation) {
        let at = TimeMs(self.now);
        self.commit(&LogRecord::AlarmOperated { alarm, operation, at, by: Some(AccountId(7)) });
    }

    pub fn open(&self) -> Vec<Alarm> {
        self.engine.live().open_alarms().cloned().collect()
    }

    pub fn states(&self) -> Vec<AlarmState> {
        self.engine.live().alarms().map(|a| a.state).collect()
    }

    /// Remembers the state here, to go on from it in [`Machine::replays`].
    pub fn save(&mut self) {
        let text = serde_json::to_string(&self.engine.snapshot(&Dedup::default())).unwrap();
        self.saved = Some((self.log.len(), text));
    }

    /// The whole log from the beginning, and the rest of it from the saved snapshot, give this very state.
    pub fn replays(&self) {
        let run = |mut engine: LiveEngine, from: usize| {
            for (first, bytes) in &self.log[from..] {
                engine.apply(*first, &LogRecord::decode(bytes).unwrap());
            }
            engine
        };
        let again = run(LiveEngine::new(self.book.clone()), 0);
        same(&again, &self.engine, "from the beginning");
        if let Some((from, saved)) = &self.saved {
            let (engine, _) = LiveEngine::restore(self.book.clone(), serde_json::from_str(saved).unwrap());
            same(&run(engine, *from), &self.engine, "from the snapshot");
        }
        assert_eq!(again.live().hash(), self.engine.live().hash());
    }
}

/// Compares part by part, so that a difference can be read.
fn same(a: &LiveEngine, b: &LiveEngine, what: &str) {
    let parts = |e: &LiveEngine| serde_json::to_value(e.snapshot(&Dedup::default())).unwrap();
    let (a, b) = (parts(a), parts(b));
    for (part, held) in b.as_object().unwrap() {
        if part != "rules" {
            assert_eq!(&a[part], held, "{part}, {what}");
        }
    }
    for (part, held) in b["rules"].as_object().unwrap() {
        assert_eq!(&a["rules"][part], held, "rules.{part}, {what}");
    }
}
