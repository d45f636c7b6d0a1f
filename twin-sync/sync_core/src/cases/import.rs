//! Cases that happened elsewhere, with the moves that other systems recorded.

use super::clock::clock_after;
use super::tables::CaseRules;
use crate::{LogRecord, check_new_case};
use serde::{Deserialize, Serialize};
use twin_model::{
    AccountId, Case, CaseAction, CaseId, CaseMove, CaseSource, CommunityModel, EntityKind, NewCase, Placement, TimeMs,
};

/// Times that an imported case may have: 2000 to 2100.
const TIMES: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;
const MAX_MOVES: usize = 64;

/// A case of another system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportedCase {
    /// What was reported. Its point is in ENU metres of this community.
    #[serde(flatten)]
    pub new: NewCase,
    /// Its number there; a second import of the same number is refused.
    pub source: CaseSource,
    /// When it was reported there.
    pub reported_at: TimeMs,
    /// How its place came about. `unlocated` needs no place.
    #[serde(default)]
    pub placed: Placement,
    /// What happened since, oldest first.
    #[serde(default)]
    pub moves: Vec<ImportedMove>,
}

/// One move of an imported case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportedMove {
    /// What.
    pub action: CaseAction,
    /// When.
    pub at: TimeMs,
    /// Note; may be empty.
    #[serde(default)]
    pub note: String,
}

impl CaseRules {
    /// Gives a case the class that its text names: table, code and severity. A free word stays one.
    pub fn classify(&self, case: &mut Case) {
        if let Some((table, class)) = self.class(&case.class) {
            case.code_system.clone_from(&table.code_system);
            case.severity = class.severity;
            case.class.clone_from(&class.code);
        }
    }

    /// Works a move out: checks it against stage, tables and other cases, and sets the clock.
    ///
    /// # Errors
    /// One clear line.
    pub fn decide(
        &self,
        case: &Case,
        action: CaseAction,
        at: TimeMs,
        note: String,
        by: Option<AccountId>,
        known: impl Fn(CaseId) -> bool,
    ) -> Result<CaseMove, String> {
        case.check(action).map_err(|e| e.to_string())?;
        match action {
            CaseAction::Dispatch { department } if !self.departments.contains_key(&department) => {
                let known: Vec<String> = self.departments.keys().map(ToString::to_string).collect();
                return Err(format!(
                    "case {}: department = {department}: must be one of {}",
                    case.id,
                    known.join(", ")
                ));
            }
            CaseAction::MarkDuplicate { of } if !known(of) => {
                return Err(format!("case {}: of = {of}: there is no such case", case.id));
            }
            _ => {}
        }
        Ok(CaseMove { action, at, note, by, clock: clock_after(self, case, action, at) })
    }
}

/// The records of what happened to an imported case since it was last imported: the moves that are new.
///
/// # Errors
/// One clear line: what is held is not the beginning of what is given, or a move is not possible.
pub fn check_update(
    rules: &CaseRules,
    held: &Case,
    item: &ImportedCase,
    known: impl Fn(CaseId) -> bool,
) -> Result<Vec<LogRecord>, String> {
    let mut case = held.clone();
    let made = held.events.iter().skip(1).map(|e| (e.action, e.at));
    let given = item.moves.iter().map(|m| (Some(m.action), m.at));
    let count = made.len();
    if count > item.moves.len() || !made.zip(given).all(|(a, b)| a == b) {
        return Err(format!("case {} has moved otherwise here since it was imported", held.id));
    }
    moves(rules, &mut case, &item.moves[count..], known)
}

/// Makes moves and the records of them.
fn moves(
    rules: &CaseRules,
    case: &mut Case,
    list: &[ImportedMove],
    known: impl Fn(CaseId) -> bool,
) -> Result<Vec<LogRecord>, String> {
    let mut records = Vec::with_capacity(list.len());
    let mut last = case.changed_at();
    for m in list {
        if m.at < last || !TIMES.contains(&m.at.0) {
            return Err(wrong_time("moves.at", m.at));
        }
        last = m.at;
        let made = rules.decide(case, m.action, m.at, m.note.chars().take(2000).collect(), None, &known)?;
        let CaseMove { action, at, note, by, clock } = made.clone();
        case.apply_move(made).map_err(|e| e.to_string())?;
        records.push(LogRecord::CaseMoved { case: case.id, action, note, at, by, clock });
    }
    Ok(records)
}

fn wrong_time(what: &str, at: TimeMs) -> String {
    format!("{what} = {}: must be a time in ms, 2000 to 2100, not before the one it follows", at.0)
}

/// The records that an imported case becomes: its report and its moves.
///
/// # Errors
/// One clear line; nothing of the case is taken then.
pub fn check_import(
    model: &CommunityModel,
    rules: &CaseRules,
    item: &ImportedCase,
    id: CaseId,
    known: impl Fn(CaseId) -> bool,
) -> Result<Vec<LogRecord>, String> {
    let mut new = item.new.clone();
    for (field, text, most) in [("source.system", &item.source.system, 40), ("source.id", &item.source.id, 80)] {
        let length = text.chars().count();
        if !(1..=most).contains(&length) {
            return Err(format!("{field} has {length} characters: must be 1..{most}"));
        }
    }
    if item.moves.len() > MAX_MOVES {
        return Err(format!("moves: {} of them: at most {MAX_MOVES}", item.moves.len()));
    }
    if !TIMES.contains(&item.reported_at.0) {
        return Err(wrong_time("reported_at", item.reported_at));
    }
    if item.placed == Placement::Unlocated {
        let middle = model.of_kind(EntityKind::Community).next().map_or([0.0; 3], |c| c.p_enu);
        (new.p_enu, new.entity) = (Some(middle), None);
    }
    let mut case = check_new_case(model, new, id, item.reported_at).map_err(|e| e.to_string())?;
    (case.placed, case.source) = (item.placed, Some(item.source.clone()));
    if item.placed == Placement::Unlocated {
        case.grid = None;
    }
    rules.classify(&mut case);
    let mut records = vec![LogRecord::CaseCreated { case: case.clone() }];
    records.extend(moves(rules, &mut case, &item.moves, known)?);
    Ok(records)
}
