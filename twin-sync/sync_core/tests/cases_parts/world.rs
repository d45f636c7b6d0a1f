//! Tables, a calendar and an engine to try things on.

use sync_core::cases::{CaseRules, TablesSpec, WorkCalendar};
use sync_core::{LiveEngine, LogRecord, RuleBook};
use twin_model::{CalendarSpec, Case, CaseAction, CaseId, CommunityModel, DepartmentId, NewCase, Seq, TimeMs};

pub const HOUR: i64 = 3_600_000;

/// An instant of China Standard Time.
pub fn cst(text: &str) -> TimeMs {
    let (date, time) = text.split_once(' ').unwrap();
    let (h, m) = time.split_once(':').unwrap();
    let day = sync_core::cases::day_of_date(date).unwrap();
    TimeMs(day * 24 * HOUR + (h.parse::<i64>().unwrap() - 8) * HOUR + m.parse::<i64>().unwrap() * 60_000)
}

/// 08:30 to 12:00 and 14:00 to 18:30: 8 hours, Monday to Friday; the days round 1 October 2026 as an example.
pub fn spec() -> CalendarSpec {
    CalendarSpec {
        name: "test".into(),
        utc_offset_min: 480,
        hours: vec![["08:30".into(), "12:00".into()], ["14:00".into(), "18:30".into()]],
        week: vec![1, 2, 3, 4, 5],
        holidays: vec!["2026-10-01..2026-10-07".into()],
        workdays: vec!["2026-09-20".into(), "2026-10-10".into()],
    }
}

pub fn calendar() -> WorkCalendar {
    WorkCalendar::new(&spec()).unwrap()
}

pub const DEPARTMENTS: &str = "id,name,grids,classes,capacity\n1,环卫所,*,,20\n2,一网格物业,g1;第一网格,e1,4\n\
    3,养护公司,*,c,10\n4,二网格物业,g2,e1,4\n";
pub const CLASSES: &str = "code,name,kind,limit,unit,department,severity\n\
    e101,暴露垃圾,事件,4,工作时,1,3\ne102,私搭乱建,event,7,work_days,,2\nc101,井盖破损,部件,2,工作日,3,1\n\
    e199,其他,event,,,,\n";

pub fn load(departments: &str, classes: &str) -> Result<CaseRules, sync_core::cases::TablesError> {
    let spec = TablesSpec {
        demo: true,
        departments: "departments.csv".into(),
        class_table: vec![sync_core::cases::ClassTableSpec {
            code_system: "demo:1".into(),
            file: "classes.csv".into(),
        }],
        calendar: spec(),
    };
    CaseRules::load(&spec, |file| match file {
        "departments.csv" => Ok(departments.to_owned()),
        "classes.csv" => Ok(classes.to_owned()),
        other => Err(format!("no file {other}")),
    })
}

pub fn rules() -> CaseRules {
    load(DEPARTMENTS, CLASSES).unwrap()
}

/// The engine with the log that made it.
pub struct World {
    pub engine: LiveEngine,
    pub rules: CaseRules,
    pub log: Vec<(Seq, LogRecord)>,
}

impl World {
    pub fn new() -> Self {
        Self { engine: LiveEngine::new(RuleBook::default()), rules: rules(), log: vec![] }
    }

    pub fn commit(&mut self, record: LogRecord) {
        // Through bytes, as the real log does.
        let record = LogRecord::decode(&record.encode().unwrap()).unwrap();
        let first = Seq(self.engine.live().seq().0 + 1);
        self.engine.apply(first, &record);
        self.log.push((first, record));
    }

    pub fn report(&mut self, class: &str, p: [f64; 2], at: TimeMs) -> CaseId {
        self.report_in(class, p, at, None)
    }

    pub fn report_in(&mut self, class: &str, p: [f64; 2], at: TimeMs, grid: Option<u32>) -> CaseId {
        let new = NewCase {
            class: class.into(),
            title: "t".into(),
            description: String::new(),
            entity: None,
            p_enu: Some([p[0], p[1], 0.0]),
        };
        let id = self.engine.next_case_id();
        let mut case = sync_core::check_new_case(&CommunityModel::default(), new, id, at).unwrap();
        case.grid = grid.map(twin_model::EntityId);
        self.rules.classify(&mut case);
        self.commit(LogRecord::CaseCreated { case });
        id
    }

    pub fn case(&self, id: CaseId) -> Case {
        self.engine.case(id).unwrap().clone()
    }

    pub fn make(&mut self, id: CaseId, action: CaseAction, at: TimeMs) -> Result<(), String> {
        let case = self.case(id);
        let known = |of| self.engine.case(of).is_some();
        let made = self.rules.decide(&case, action, at, String::new(), None, known)?;
        let (action, at, note, by, clock) = (made.action, made.at, made.note, made.by, made.clock);
        self.commit(LogRecord::CaseMoved { case: id, action, note, at, by, clock });
        Ok(())
    }
}

pub const fn to(department: u16) -> CaseAction {
    CaseAction::Dispatch { department: DepartmentId(department) }
}
