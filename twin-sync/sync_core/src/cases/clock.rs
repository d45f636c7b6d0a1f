//! What a move does to the deadline clock. Timing starts with the dispatch (GB/T 30428: 任务派遣, 计时从此开始), stands
//! while suspended (挂账) and once handed in, and goes on when the work is sent back.

use super::tables::CaseRules;
use twin_model::{Case, CaseAction, CaseClock, CaseStage, TimeMs};

/// The clock after a possible move at `at`; `None` when the move does not touch it.
#[must_use]
pub fn clock_after(rules: &CaseRules, case: &Case, action: CaseAction, at: TimeMs) -> Option<CaseClock> {
    let to = case.target(action)?;
    let cal = &rules.calendar;
    let stopped = |c: CaseClock| CaseClock {
        used_ms: c.used_ms + c.since.map_or(0, |since| cal.between(since, at)),
        since: None,
        due_at: None,
        ..c
    };
    let started = |c: CaseClock| CaseClock {
        since: Some(at),
        due_at: c.limit_ms.and_then(|limit| cal.add(at, limit - c.used_ms)),
        ..c
    };
    match (case.stage.is_handled(), to.is_handled()) {
        (false, true) => {
            let fresh = || CaseClock { limit_ms: limit_ms(rules, case), used_ms: 0, since: None, due_at: None };
            // Sent back: the same task goes on. Dispatched: a new one, also after another department returned it.
            let held = case.clock.filter(|_| to == CaseStage::InProgress);
            Some(started(held.unwrap_or_else(fresh)))
        }
        (true, false) => case.clock.map(stopped),
        _ => match action {
            CaseAction::Suspend => case.clock.map(stopped),
            CaseAction::Resume => case.clock.map(started),
            CaseAction::GrantExtension => {
                let more = i64::from(case.extension?.work_min) * 60_000;
                let clock = case.clock.map(|c| CaseClock { limit_ms: c.limit_ms.map(|l| l + more), ..c })?;
                let due_at = clock.since.zip(clock.limit_ms).and_then(|(s, limit)| cal.add(s, limit - clock.used_ms));
                Some(CaseClock { due_at, ..clock })
            }
            _ => None,
        },
    }
}

fn limit_ms(rules: &CaseRules, case: &Case) -> Option<i64> {
    let class = rules.class_in(&case.code_system, &case.class)?;
    class.limit.map(|limit| limit.work_ms(&rules.calendar))
}
