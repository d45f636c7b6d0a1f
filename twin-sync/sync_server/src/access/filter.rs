//! What of the live state goes to one viewer.

use super::caller::{Caller, RunPlaces};
use access::{Action, Field};
use sync_core::{Delta, LiveState, ServerMessage, StateRow};
use twin_model::{Alarm, Case, Incident, Run};

/// True when the caller gets what everybody without accounts gets: then the shared frames fit.
pub(crate) fn is_unrestricted(caller: &Caller) -> bool {
    match caller {
        Caller::Open => true,
        Caller::Nobody => false,
        Caller::Known(visit) => {
            let scope = &visit.session.scope;
            scope.sees_everything()
                && scope.may_everywhere(Action::SeeRuns)
                && Field::ALL.iter().all(|f| scope.shows_at(*f, None))
        }
    }
}

fn rows(caller: &Caller, rows: &[StateRow]) -> Vec<StateRow> {
    rows.iter().filter(|r| caller.sees_series(r.0, r.1)).copied().collect()
}

fn alarms<'a>(caller: &Caller, alarms: impl Iterator<Item = &'a Alarm>) -> Vec<Alarm> {
    alarms.filter(|a| caller.sees_alarm(a)).map(|a| caller.alarm(a).into_owned()).collect()
}

fn cases<'a>(caller: &Caller, cases: impl Iterator<Item = &'a Case>) -> Vec<Case> {
    cases.filter(|c| caller.sees_case(c)).map(|c| caller.case(c).into_owned()).collect()
}

fn runs<'a>(caller: &Caller, places: &RunPlaces, runs: impl Iterator<Item = &'a Run>) -> Vec<Run> {
    runs.filter(|r| caller.sees_run(places, r)).cloned().collect()
}

fn incidents<'a>(caller: &Caller, incidents: impl Iterator<Item = &'a Incident>) -> Vec<Incident> {
    incidents.filter(|i| caller.sees_incident(i)).cloned().collect()
}

/// The part of a delta that is there for the caller; from and to stay, so that it joins the next.
pub(crate) fn delta_for(caller: &Caller, places: &RunPlaces, delta: &Delta) -> Delta {
    Delta {
        from_seq: delta.from_seq,
        seq: delta.seq,
        state: rows(caller, &delta.state),
        alarms: alarms(caller, delta.alarms.iter()),
        cases: cases(caller, delta.cases.iter()),
        runs: runs(caller, places, delta.runs.iter()),
        incidents: incidents(caller, delta.incidents.iter()),
    }
}

/// Everything that is there for the caller.
pub(crate) fn snapshot_for(caller: &Caller, places: &RunPlaces, live: &LiveState) -> ServerMessage {
    if is_unrestricted(caller) {
        return live.snapshot();
    }
    ServerMessage::Snapshot {
        seq: live.seq(),
        state: live.iter().filter(|e| caller.sees_series(e.entity, e.property)).map(StateRow::from).collect(),
        alarms: alarms(caller, live.alarms()),
        cases: cases(caller, live.cases()),
        runs: runs(caller, places, live.runs()),
        incidents: incidents(caller, live.incidents()),
    }
}
