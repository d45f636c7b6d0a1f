//! Code tables as data (编码表): classes of matters with their limits, departments, the work calendar. Files come from
//! the jurisdiction; errors name file and line.

use crate::calendar::{CalendarError, WorkCalendar};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use twin_model::{CalendarSpec, DepartmentId, Severity};

/// 部件 (a thing is damaged or missing) or 事件 (something happens).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassKind {
    /// 部件.
    Component,
    /// 事件.
    Event,
}

/// A limit in working time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkLimit {
    /// 工作时.
    Hours(u16),
    /// 工作日: as much working time as so many full working days of the calendar have.
    Days(u16),
}

impl WorkLimit {
    /// In working ms.
    #[must_use]
    pub fn work_ms(self, calendar: &WorkCalendar) -> i64 {
        match self {
            WorkLimit::Hours(h) => i64::from(h) * 3_600_000,
            WorkLimit::Days(d) => i64::from(d) * calendar.workday_ms(),
        }
    }
}

/// One class of matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatterClass {
    /// Its code within the table.
    pub code: String,
    /// Name.
    pub name: String,
    /// 部件 or 事件.
    pub kind: ClassKind,
    /// How long its handling may take.
    pub limit: Option<WorkLimit>,
    /// Who is responsible.
    pub department: Option<DepartmentId>,
    /// How bad it is.
    pub severity: Option<Severity>,
}

/// A table of classes in one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassTable {
    /// Which version of which standard or city: `gbt30428.2-2013`, `cjt214-2007`, `city:<division>:<revision>`,
    /// `demo:<revision>`. Codes of different versions look alike, so it is always said, never guessed.
    pub code_system: String,
    /// Classes by code.
    pub classes: BTreeMap<String, MatterClass>,
}

/// A department (处置部门).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Department {
    /// Its number; never given to another.
    pub id: DepartmentId,
    /// Name.
    pub name: String,
    /// Codes or names of the grids it works in; empty: everywhere.
    pub grids: Vec<String>,
    /// Beginnings of the class codes it takes beside those that name it; empty: only those.
    pub classes: Vec<String>,
    /// Open cases that it can carry at once.
    pub capacity: u32,
}

/// A line of a table that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} line {line}: {problem}")]
pub struct LineError {
    /// File.
    pub file: String,
    /// Line, counted from 1.
    pub line: u64,
    /// What is wrong and what is allowed.
    pub problem: String,
}

/// Everything that deadlines and proposals are worked out from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRules {
    /// Class tables, the usual one first.
    pub tables: Vec<ClassTable>,
    /// Departments by number.
    pub departments: BTreeMap<DepartmentId, Department>,
    /// Working time.
    pub calendar: WorkCalendar,
    /// The tables are only there to show how it works.
    pub demo: bool,
}

/// The file that names the others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TablesSpec {
    /// True for tables that nobody's rules stand behind.
    #[serde(default)]
    pub demo: bool,
    /// File of the departments.
    pub departments: String,
    /// Class tables.
    pub class_table: Vec<ClassTableSpec>,
    /// Work calendar.
    pub calendar: CalendarSpec,
}

/// One class table to read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassTableSpec {
    /// Its version.
    pub code_system: String,
    /// Its file.
    pub file: String,
}

/// Why tables cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TablesError {
    /// The calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// Lines of the files, all of them.
    #[error("{}", lines(.0))]
    Lines(Vec<LineError>),
    /// A name of a table version.
    #[error("code_system {0:?}: must be gbt30428.2-2013, cjt214-2007, city:<division>:<revision> or demo:<revision>")]
    CodeSystem(String),
    /// A file cannot be read.
    #[error("{file}: {reason}")]
    File {
        /// Which.
        file: String,
        /// Why.
        reason: String,
    },
}

fn lines(errors: &[LineError]) -> String {
    errors.iter().map(LineError::to_string).collect::<Vec<_>>().join("; ")
}

impl CaseRules {
    /// Reads the tables; `read` gives the text of a file.
    ///
    /// # Errors
    /// [`TablesError`]; bad lines are all told at once.
    pub fn load(spec: &TablesSpec, read: impl Fn(&str) -> Result<String, String>) -> Result<Self, TablesError> {
        let text = |file: &str| read(file).map_err(|reason| TablesError::File { file: file.to_owned(), reason });
        let calendar = WorkCalendar::new(&spec.calendar)?;
        let (departments, mut errors) = departments_of(&spec.departments, &text(&spec.departments)?);
        let mut tables = Vec::new();
        for table in &spec.class_table {
            if !is_code_system(&table.code_system) {
                return Err(TablesError::CodeSystem(table.code_system.clone()));
            }
            let (classes, bad) = classes_of(&table.file, &text(&table.file)?, &departments);
            errors.extend(bad);
            tables.push(ClassTable { code_system: table.code_system.clone(), classes });
        }
        if errors.is_empty() {
            Ok(Self { tables, departments, calendar, demo: spec.demo })
        } else {
            Err(TablesError::Lines(errors))
        }
    }

    /// The class that a text names, with its table: a code, or `code_system/code` when tables share it. `None` when
    /// no table has it, or several do.
    #[must_use]
    pub fn class(&self, text: &str) -> Option<(&ClassTable, &MatterClass)> {
        let mut found = self.tables.iter().filter_map(|t| {
            let code = text.strip_prefix(&t.code_system).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
            Some((t, t.classes.get(code)?))
        });
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The class of a code in one version of one table.
    #[must_use]
    pub fn class_in(&self, code_system: &str, code: &str) -> Option<&MatterClass> {
        self.tables.iter().find(|t| t.code_system == code_system)?.classes.get(code)
    }
}

fn is_code_system(text: &str) -> bool {
    let revision = |r: &str| !r.is_empty() && r.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    match text.split(':').collect::<Vec<_>>()[..] {
        ["gbt30428.2-2013" | "cjt214-2007"] => true,
        ["city", division, rev] => {
            (2..=12).contains(&division.len()) && division.bytes().all(|b| b.is_ascii_digit()) && revision(rev)
        }
        ["demo", rev] => revision(rev),
        _ => false,
    }
}

/// A row by the names of its columns.
struct Row<'a> {
    file: &'a str,
    line: u64,
    cells: BTreeMap<&'a str, &'a str>,
}

impl Row<'_> {
    fn error(&self, problem: String) -> LineError {
        LineError { file: self.file.to_owned(), line: self.line, problem }
    }
    fn cell(&self, column: &str) -> &str {
        self.cells.get(column).map_or("", |c| c.trim())
    }
    fn text(&self, column: &str, most: usize) -> Result<String, LineError> {
        let cell = self.cell(column);
        let length = cell.chars().count();
        if length == 0 || length > most {
            return Err(self.error(format!("{column} has {length} characters: must be 1..{most}")));
        }
        Ok(cell.to_owned())
    }
    fn number<T: std::str::FromStr>(&self, column: &str, allowed: &str) -> Result<Option<T>, LineError> {
        let cell = self.cell(column);
        if cell.is_empty() {
            return Ok(None);
        }
        cell.parse().map(Some).map_err(|_unparsable| self.error(format!("{column} = {cell:?}: must be {allowed}")))
    }
    fn list(&self, column: &str) -> Vec<String> {
        self.cell(column).split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
    }
}

/// Reads a table with these columns, in any order; what a row makes, or its error.
fn read_rows<T>(
    file: &str,
    text: &str,
    columns: &[&str],
    mut take: impl FnMut(&Row) -> Result<T, LineError>,
) -> (Vec<T>, Vec<LineError>) {
    let error = |line, problem| LineError { file: file.to_owned(), line, problem };
    let mut reader = csv::ReaderBuilder::new().flexible(true).comment(Some(b'#')).from_reader(text.as_bytes());
    let header: Vec<String> = match reader.headers() {
        Ok(h) => h.iter().map(|c| c.trim().trim_start_matches('\u{feff}').to_owned()).collect(),
        Err(e) => return (vec![], vec![error(1, e.to_string())]),
    };
    let missing: Vec<&str> = columns.iter().filter(|c| !header.iter().any(|h| h == *c)).copied().collect();
    if !missing.is_empty() {
        return (vec![], vec![error(1, format!("columns are missing: {}", missing.join(", ")))]);
    }
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(e) => {
                errors.push(error(e.position().map_or(0, csv::Position::line), e.to_string()));
                continue;
            }
        };
        let line = record.position().map_or(0, |p| line_of(text, p));
        if record.len() != header.len() {
            errors.push(error(line, format!("has {} cells: must have {}", record.len(), header.len())));
            continue;
        }
        let cells = header.iter().map(String::as_str).zip(record.iter()).collect();
        match take(&Row { file, line, cells }) {
            Ok(row) => rows.push(row),
            Err(e) => errors.push(e),
        }
    }
    (rows, errors)
}

/// The line of a record: what the reader says, and the comments and empty lines that it skipped since.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.get(start..).unwrap_or("").split_inclusive('\n');
    position.line() + rest.take_while(|l| l.starts_with('#') || l.trim().is_empty()).count() as u64
}

fn departments_of(file: &str, text: &str) -> (BTreeMap<DepartmentId, Department>, Vec<LineError>) {
    let mut held: BTreeMap<DepartmentId, Department> = BTreeMap::new();
    let (_, errors) = read_rows(file, text, &["id", "name", "grids", "classes", "capacity"], |row| {
        let id: Option<u16> = row.number("id", "a number 0..65535")?;
        let id = DepartmentId(id.ok_or_else(|| row.error("id is missing".to_owned()))?);
        let capacity: Option<u32> = row.number("capacity", "a number of cases ≥ 1")?;
        let department = Department {
            id,
            name: row.text("name", 60)?,
            grids: row.list("grids").into_iter().filter(|g| g != "*").collect(),
            classes: row.list("classes"),
            capacity: capacity.filter(|c| *c > 0).ok_or_else(|| row.error("capacity must be ≥ 1".to_owned()))?,
        };
        match held.insert(id, department) {
            Some(before) => Err(row.error(format!("id = {id}: given to {:?} already", before.name))),
            None => Ok(()),
        }
    });
    (held, errors)
}

fn classes_of(
    file: &str,
    text: &str,
    departments: &BTreeMap<DepartmentId, Department>,
) -> (BTreeMap<String, MatterClass>, Vec<LineError>) {
    let mut held: BTreeMap<String, MatterClass> = BTreeMap::new();
    let columns = ["code", "name", "kind", "limit", "unit", "department", "severity"];
    let (_, errors) = read_rows(file, text, &columns, |row| {
        let code = row.text("code", 40)?;
        if !code.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
            return Err(row.error(format!("code = {code:?}: must be letters, digits, - . _")));
        }
        let kind = match row.cell("kind") {
            "component" | "部件" => ClassKind::Component,
            "event" | "事件" => ClassKind::Event,
            other => return Err(row.error(format!("kind = {other:?}: must be component (部件) or event (事件)"))),
        };
        let amount: Option<u16> = row.number("limit", "a whole number 1..65535, or empty")?;
        let limit = match (amount, row.cell("unit")) {
            (None, "") => None,
            (Some(n), "work_hours" | "工作时") if n > 0 => Some(WorkLimit::Hours(n)),
            (Some(n), "work_days" | "工作日") if n > 0 => Some(WorkLimit::Days(n)),
            (_, unit) => {
                let line = format!(
                    "limit = {:?}, unit = {unit:?}: must be a number ≥ 1 with work_hours (工作时) or \
                    work_days (工作日), or both empty",
                    row.cell("limit")
                );
                return Err(row.error(line));
            }
        };
        let department = row.number("department", "a department's id, or empty")?.map(DepartmentId);
        if let Some(id) = department.filter(|id| !departments.contains_key(id)) {
            return Err(row.error(format!("department = {id}: not in the table of departments")));
        }
        let severity = match row.cell("severity") {
            "" => None,
            "1" => Some(Severity::Critical),
            "2" => Some(Severity::Major),
            "3" => Some(Severity::Minor),
            "4" => Some(Severity::Notice),
            other => return Err(row.error(format!("severity = {other:?}: must be 1 (worst) to 4, or empty"))),
        };
        let class = MatterClass { code: code.clone(), name: row.text("name", 60)?, kind, limit, department, severity };
        match held.insert(code.clone(), class) {
            Some(_) => Err(row.error(format!("code = {code:?}: occurs twice"))),
            None => Ok(()),
        }
    });
    (held, errors)
}
