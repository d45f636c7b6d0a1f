//! Who a request comes from, and what is there for them.

use super::sessions::{Access, Session};
use crate::http::ApiError;
use access::{Action, AuditEvent, AuditKind, Field, Outcome, attribute_field};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use twin_model::{
    AccountId, Alarm, Case, CaseAction, CaseStage, CommunityModel, Entity, EntityId, EntityKind, Incident, PropertyId,
    Run, RunScenario,
};

/// Which building each plan is of: where evacuation runs take place.
#[derive(Debug, Clone, Default)]
pub(crate) struct RunPlaces(Vec<(String, Option<EntityId>)>);

impl RunPlaces {
    pub(crate) fn new(plans: Vec<(String, Option<EntityId>)>) -> Self {
        Self(plans)
    }

    /// `None` where a run is about the whole community.
    fn of(&self, scenario: &RunScenario) -> Option<EntityId> {
        let RunScenario::Evacuation(evacuation) = scenario else { return None };
        let plan = match (&evacuation.building, &self.0[..]) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(name), plans) => plans.iter().find(|(n, _)| n == name),
        };
        plan.and_then(|(_, building)| *building)
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A server without accounts: whoever reaches the port may do everything.
    Open,
    /// Nobody who is known: only what is public.
    Nobody,
    /// Somebody.
    Known(Arc<Visit>),
}

/// One request of somebody, or one viewer.
pub(crate) struct Visit {
    pub(crate) access: Arc<Access>,
    pub(crate) session: Session,
    pub(crate) from: String,
    /// Something personal, or a camera, went into the answer.
    pub(crate) personal: AtomicBool,
    pub(crate) camera: AtomicBool,
}

impl std::fmt::Debug for Visit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Visit({})", self.session.account.login)
    }
}

impl Visit {
    pub(crate) fn new(access: Arc<Access>, session: Session, from: String) -> Self {
        Self { access, session, from, personal: AtomicBool::new(false), camera: AtomicBool::new(false) }
    }

    pub(crate) fn event(&self, kind: AuditKind, outcome: Outcome, subject: String, note: String) -> AuditEvent {
        AuditEvent {
            kind,
            outcome,
            account: Some(self.session.account.id),
            who: self.session.account.login.clone(),
            from: self.from.clone(),
            subject,
            note,
        }
    }

    fn shows(&self, field: Field, entity: EntityId) -> bool {
        let shown = self.session.scope.shows(field, entity);
        if shown {
            self.personal.store(true, Ordering::Relaxed);
        }
        shown
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    /// The guard puts the caller there; a request that came around it gets nothing.
    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let missing = || ApiError(StatusCode::UNAUTHORIZED, "log in first: POST /api/login".to_owned());
        parts.extensions.get::<Caller>().cloned().ok_or_else(missing)
    }
}

impl Caller {
    pub(crate) fn account(&self) -> Option<AccountId> {
        if let Caller::Known(visit) = self { Some(visit.session.account.id) } else { None }
    }

    /// True when the entity is there for them. One that is not must be answered for as one that does not exist.
    pub(crate) fn sees(&self, entity: EntityId) -> bool {
        match self {
            Caller::Open => true,
            Caller::Nobody => false,
            Caller::Known(visit) => visit.session.scope.sees(entity),
        }
    }

    pub(crate) fn sees_everything(&self) -> bool {
        match self {
            Caller::Open => true,
            Caller::Nobody => false,
            Caller::Known(visit) => visit.session.scope.sees_everything(),
        }
    }

    pub(crate) fn may(&self, action: Action, entity: EntityId) -> bool {
        match self {
            Caller::Open => true,
            Caller::Nobody => false,
            Caller::Known(visit) => visit.session.scope.may(action, entity),
        }
    }

    /// In a place that a grid names; `None` is the whole community.
    pub(crate) fn may_at(&self, action: Action, around: Option<EntityId>) -> bool {
        match self {
            Caller::Open => true,
            Caller::Nobody => false,
            Caller::Known(visit) => visit.session.scope.may_at(action, around),
        }
    }

    /// True when values of the series are there for them. Reading a masked one is noted.
    pub(crate) fn sees_series(&self, entity: EntityId, property: PropertyId) -> bool {
        match self {
            Caller::Open => true,
            Caller::Nobody => false,
            Caller::Known(visit) => {
                visit.session.scope.sees(entity)
                    && (!visit.access.is_masked((entity, property)) || visit.shows(Field::Personal, entity))
            }
        }
    }

    pub(crate) fn sees_alarm(&self, alarm: &Alarm) -> bool {
        self.sees_series(alarm.entity, alarm.property)
    }

    /// The alarm without a place to look at that is not there for them.
    pub(crate) fn alarm<'a>(&self, alarm: &'a Alarm) -> Cow<'a, Alarm> {
        match alarm.focus.filter(|e| !self.sees(*e)) {
            None => Cow::Borrowed(alarm),
            Some(_) => Cow::Owned(Alarm { focus: None, ..alarm.clone() }),
        }
    }

    /// An incident counts the alarms of a place: it is there for who sees all of the place, and what is personal for who
    /// sees that too.
    pub(crate) fn sees_incident(&self, incident: &Incident) -> bool {
        match self {
            Caller::Open => true,
            Caller::Nobody => false,
            Caller::Known(visit) => {
                let (scope, place) = (&visit.session.scope, incident.place);
                scope.may(Action::See, place)
                    && scope.may_at(Action::See, Some(place))
                    && (!visit.access.is_personal_group(&incident.group)
                        || scope.shows_at(Field::Personal, Some(place)))
            }
        }
    }

    pub(crate) fn sees_case(&self, case: &Case) -> bool {
        self.may_on_case(Action::See, case)
    }

    /// A case belongs where its thing is; one about no thing to its grid, and one outside of all grids to the community.
    pub(crate) fn may_on_case(&self, action: Action, case: &Case) -> bool {
        match case.entity {
            Some(entity) => self.may(action, entity),
            None => self.may_at(action, case.grid),
        }
    }

    /// True when free text and photographs of the case are there for them: people are in both.
    pub(crate) fn shows_notes(&self, case: &Case) -> bool {
        match (self, case.entity) {
            (Caller::Open, _) => true,
            (Caller::Nobody, _) => false,
            (Caller::Known(visit), Some(entity)) => visit.session.scope.shows(Field::Notes, entity),
            (Caller::Known(visit), None) => visit.session.scope.shows_at(Field::Notes, case.grid),
        }
    }

    /// True when they may make the move. One step further is what it leads to.
    pub(crate) fn may_move(&self, action: CaseAction, case: &Case) -> bool {
        use CaseAction::*;
        let needed = match action {
            Start | Feedback | Return | RequestExtension { .. } => Action::MoveCase,
            Register | Dispatch { .. } => Action::DispatchCase,
            Advance => match case.stage.next() {
                Some(CaseStage::Registered | CaseStage::Dispatched) => Action::DispatchCase,
                Some(CaseStage::InProgress | CaseStage::Feedback) => Action::MoveCase,
                _ => Action::DecideCase,
            },
            SendBack
            | Close
            | Cancel
            | Reject
            | Suspend
            | Resume
            | GrantExtension
            | RefuseExtension
            | Evaluate
            | Rate { .. }
            | MarkDuplicate { .. } => Action::DecideCase,
        };
        self.may_on_case(needed, case)
    }

    /// The case without what is masked for them.
    pub(crate) fn case<'a>(&self, case: &'a Case) -> Cow<'a, Case> {
        let Caller::Known(visit) = self else { return Cow::Borrowed(case) };
        let scope = &visit.session.scope;
        let shown = self.shows_notes(case);
        let grid = case.grid.filter(|g| scope.sees(*g));
        if shown && grid == case.grid {
            return Cow::Borrowed(case);
        }
        let mut masked = Case { grid, ..case.clone() };
        if !shown {
            masked.description.clear();
            masked.events.iter_mut().for_each(|e| e.note.clear());
            masked.photos.clear();
        }
        Cow::Owned(masked)
    }

    pub(crate) fn sees_run(&self, places: &RunPlaces, run: &Run) -> bool {
        self.may_on_run(Action::SeeRuns, places, &run.scenario)
    }

    /// An evacuation belongs to its building; everything else is about the whole community.
    pub(crate) fn may_on_run(&self, action: Action, places: &RunPlaces, scenario: &RunScenario) -> bool {
        match places.of(scenario) {
            Some(building) => self.may(action, building),
            None => self.may_at(action, None),
        }
    }

    /// The entity without what is masked for them, and without a parent that is not there for them.
    pub(crate) fn entity<'a>(&self, entity: &'a Entity) -> Cow<'a, Entity> {
        let Caller::Known(visit) = self else { return Cow::Borrowed(entity) };
        if entity.kind == EntityKind::Camera {
            self.reads_camera();
        }
        if visit.access.is_personal(entity.id) {
            visit.personal.store(true, Ordering::Relaxed);
        }
        let hidden = |key: &str| attribute_field(entity.kind, key).is_some_and(|f| !visit.shows(f, entity.id));
        let orphan = entity.parent.is_some_and(|p| !self.sees(p));
        let masked = entity.attributes.keys().any(|key| hidden(key));
        if !orphan && !masked {
            return Cow::Borrowed(entity);
        }
        let mut shown = entity.clone();
        shown.attributes.retain(|key, _| !hidden(key));
        if orphan {
            shown.parent = None;
        }
        Cow::Owned(shown)
    }

    /// Notes that an answer holds all that the caller may see: what is personal, and cameras, if they may.
    pub(crate) fn reads_everything(&self) {
        let Caller::Known(visit) = self else { return };
        let scope = &visit.session.scope;
        if [Field::Personal, Field::Evacuation].iter().any(|f| scope.shows_somewhere(*f)) {
            visit.personal.store(true, Ordering::Relaxed);
        }
        if scope.may_somewhere(Action::SeeCamera) {
            self.reads_camera();
        }
    }

    /// Notes that a camera was looked at.
    pub(crate) fn reads_camera(&self) {
        if let Caller::Known(visit) = self {
            visit.camera.store(true, Ordering::Relaxed);
        }
    }

    /// The address of an entity, which never names what is around the jurisdiction: only its own words and those of
    /// ancestors that are there for them.
    pub(crate) fn address(&self, model: &CommunityModel, id: EntityId) -> String {
        if matches!(self, Caller::Open) || self.sees_everything() {
            return model.address(id);
        }
        let whole = model.address(id);
        let hidden = model.ancestors(id).find(|a| !self.sees(a.id));
        let Some(hidden) = hidden else { return whole };
        // The words above the first ancestor that is hidden go, that one too.
        let above = model.address(hidden.id);
        whole.strip_prefix(&above).map_or(whole.clone(), |own| own.trim_start().to_owned())
    }
}
