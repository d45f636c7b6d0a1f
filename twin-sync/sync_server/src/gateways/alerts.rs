//! Which warnings there are: open alarms as measured, and what the newest flood forecast predicts (marked 模拟).

use super::cap::{Area, CAP_TYPE, Warning, atom, category};
use super::geometry::{Shape, lon_lat, shape};
use super::query::Query;
use super::{Gateway, Scoped, base_url};
use crate::http::ApiError;
use crate::twin::now;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use community_pack::run_folder;
use twin_model::{
    Alarm, AlarmId, AlarmState, Entity, EntityKind, FloodImpact, PredictedAlarm, Run, RunStatus, RunSummary, TimeMs,
};

/// Within this time a predicted alarm is `Expected` ("within next hour", CAP 1.2 §3.2.2), later `Future`.
const EXPECTED_WITHIN_S: f64 = 3600.0;

fn internal(error: &std::io::Error) -> ApiError {
    ApiError(StatusCode::INTERNAL_SERVER_ERROR, format!("writing XML: {error}"))
}

/// `GET /cap`: Atom, newest first.
pub(super) async fn feed(
    Scoped(gateway): Scoped,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    let mut list = gateway.predicted().await;
    {
        let engine = gateway.twin.read();
        list.extend(engine.live().open_alarms().filter_map(|a| gateway.measured(a)));
    }
    list.sort_by(|a, b| b.sent.cmp(&a.sent).then_with(|| a.identifier.cmp(&b.identifier)));
    let updated = list.first().map_or_else(now, |w| w.sent);
    let title = format!("{} 告警", gateway.twin.pack.manifest.community.name);
    let xml = atom(&gateway.sender(), &title, &base_url(&headers), updated, &list).map_err(|e| internal(&e))?;
    Ok(([(header::CONTENT_TYPE, "application/atom+xml")], xml).into_response())
}

/// `GET /cap/alerts/{alert}`: an alarm by number (a closed one as Cancel), or `run-N-M` for the M-th of run N.
pub(super) async fn alert(
    Scoped(gateway): Scoped,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    Query::parse(query.as_deref(), &[])?;
    let measured = key.parse().ok().and_then(|id| {
        let engine = gateway.twin.read();
        engine.live().alarm(AlarmId(id)).and_then(|a| gateway.measured(a))
    });
    let warning = match measured {
        Some(warning) => Some(warning),
        None => gateway.predicted().await.into_iter().find(|w| w.key == key),
    };
    let warning = warning.ok_or_else(|| ApiError::not_found(format!("no alert {key:?}: see /cap")))?;
    let xml = warning.to_xml().map_err(|e| internal(&e))?;
    Ok(([(header::CONTENT_TYPE, CAP_TYPE)], xml).into_response())
}

/// Without the characters that CAP forbids in senders and identifiers (spaces, commas, `<`, `&`).
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' }).collect()
}

impl Gateway {
    fn sender(&self) -> String {
        format!("sandtable.{}", plain(&self.twin.pack.manifest.community.id))
    }

    /// `None` for what is personal and for what somebody has hidden (搁置、抑制).
    fn measured(&self, alarm: &Alarm) -> Option<Warning> {
        let (kind, urgency) = match alarm.state {
            hidden if hidden.is_hidden() => return None,
            AlarmState::Normal => ("Cancel", "Past"),
            _ if !alarm.active => ("Update", "Past"),
            _ if alarm.changed_at == alarm.raised_at => ("Alert", "Immediate"),
            _ => ("Update", "Immediate"),
        };
        let entity = self.twin.pack.model.get(alarm.entity).filter(|_| self.shows_alarm(alarm))?;
        let epoch = &self.twin.epoch;
        let name = |at: TimeMs| format!("{}.{}.alarm.{}.{}", self.sender(), plain(epoch), alarm.id, at.0);
        let def = self.twin.pack.properties.def(alarm.property);
        let value = def.map_or_else(|| alarm.value.to_string(), |d| format!("{} {}", d.name, d.format(alarm.value)));
        let address = self.address(alarm.entity);
        let simulated = alarm.run.map(|run| format!("模拟:由演算 {} 得出,不是实测", run.label()));
        let mark = if simulated.is_some() { "【模拟】" } else { "" };
        Some(Warning {
            key: alarm.id.to_string(),
            sender: self.sender(),
            identifier: name(alarm.changed_at),
            sent: alarm.changed_at,
            status: self.alert_status,
            kind,
            certainty: if simulated.is_some() { "Possible" } else { "Observed" },
            note: simulated,
            follows: (kind != "Alert").then(|| (name(alarm.raised_at), alarm.raised_at)),
            category: category(self.key(alarm)),
            event: alarm.text.clone(),
            urgency,
            severity: alarm.severity,
            onset: alarm.raised_at,
            expires: None,
            sender_name: self.twin.pack.manifest.community.name.clone(),
            headline: format!("{mark}{address} {}", alarm.text),
            description: format!("{}({}):{value},{}", entity.name, alarm.state.zh(), alarm.raised_at.datetime_china()),
            parameters: vec![
                ("sandtable:entity", alarm.entity.to_string()),
                ("sandtable:property", self.key(alarm).to_owned()),
                ("sandtable:value", alarm.value.to_string()),
                ("sandtable:state", super::records::tag(&alarm.state)),
            ],
            area_name: address,
            area: self.area(entity),
            geocodes: self.geocodes(entity),
        })
    }

    /// The outline of the thing or of its building, else its place.
    fn area(&self, entity: &Entity) -> Area {
        let building = self.twin.pack.model.nearest(entity.id, EntityKind::Building);
        let outlined = [Some(entity), building].into_iter().flatten().find(|e| e.footprint.is_some());
        if let Some(Shape::Polygon(rings)) = outlined.map(|e| shape(&self.frame, e))
            && let Some(outer) = rings.into_iter().next()
        {
            return Area::Polygon(outer);
        }
        Area::Point(lon_lat(&self.frame, entity.p_enu))
    }

    fn geocodes(&self, entity: &Entity) -> Vec<(&'static str, String)> {
        let model = &self.twin.pack.model;
        let division = &self.twin.pack.manifest.community.division;
        let grid = model.nearest(entity.id, EntityKind::Grid).map(|g| g.id);
        let grid = grid.or_else(|| model.grid_at([entity.p_enu[0], entity.p_enu[1]])).and_then(|id| model.get(id));
        let codes = [("division", division.clone()), ("grid", grid.map_or_else(String::new, |g| g.code.clone()))];
        codes.into_iter().filter(|(_, code)| !code.is_empty()).collect()
    }

    /// What the newest finished flood run predicts, while its time has not passed.
    async fn predicted(&self) -> Vec<Warning> {
        let newest = {
            let engine = self.twin.read();
            let done = |r: &&Run| matches!(r.status, RunStatus::Done { .. }) && r.scenario.flood().is_some();
            engine.live().runs().rev().find(done).cloned()
        };
        let Some(run) = newest else { return Vec::new() };
        let path = self.twin.data_dir.join("runs").join(run.id.to_string()).join(run_folder::RUN);
        // A run folder that somebody removed predicts nothing.
        let Ok(bytes) = tokio::fs::read(&path).await else { return Vec::new() };
        match serde_json::from_slice::<RunSummary>(&bytes) {
            Ok(summary) => self.forecast(&run, summary.started_from, &summary.impact, now()),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "run summary");
                Vec::new()
            }
        }
    }

    fn forecast(&self, run: &Run, begin: TimeMs, impact: &FloodImpact, now: TimeMs) -> Vec<Warning> {
        let end = begin.plus_secs(run.scenario.total_s());
        if end < now {
            return Vec::new();
        }
        let alarms = impact.predicted_alarms.iter().enumerate();
        alarms.filter_map(|(i, p)| self.predicted_one((run, i), (begin, end), impact, p, now)).collect()
    }

    fn predicted_one(
        &self,
        (run, index): (&Run, usize),
        (begin, end): (TimeMs, TimeMs),
        impact: &FloodImpact,
        predicted: &PredictedAlarm,
        now: TimeMs,
    ) -> Option<Warning> {
        let model = &self.twin.pack.model;
        let entity = model.get(predicted.entity).filter(|e| self.shows_entity(e))?;
        let onset = begin.plus_secs(predicted.first_s);
        let urgency = match onset.secs_since(now) {
            lead if lead <= 0.0 => "Immediate",
            lead if lead <= EXPECTED_WITHIN_S => "Expected",
            _ => "Future",
        };
        let def = self.twin.pack.properties.id(&predicted.property).and_then(|p| self.twin.pack.properties.def(p));
        let value =
            def.map_or_else(|| predicted.value.to_string(), |d| format!("{} {}", d.name, d.format(predicted.value)));
        let address = self.address(predicted.entity);
        Some(Warning {
            key: format!("run-{}-{index}", run.id),
            sender: self.sender(),
            identifier: format!("{}.{}.run.{}.{index}", self.sender(), plain(&self.twin.epoch), run.id),
            sent: run.created_at,
            status: self.alert_status,
            kind: "Alert",
            note: Some(format!("模拟:由演算 {} 预测,不是实测", run.id.label())),
            follows: None,
            category: category(&predicted.property),
            event: predicted.text.clone(),
            urgency,
            severity: predicted.severity,
            // One run has no probability. One that was corrected to agree with the gauges is held for likely.
            certainty: if impact.correction.is_some() { "Likely" } else { "Possible" },
            onset,
            expires: Some(end),
            sender_name: self.twin.pack.manifest.community.name.clone(),
            headline: format!("【模拟】{address} {}", predicted.text),
            description: format!("{}:预计 {} 达到限值,最大 {value}", entity.name, onset.datetime_china()),
            parameters: vec![
                ("sandtable:entity", predicted.entity.to_string()),
                ("sandtable:property", predicted.property.clone()),
                ("sandtable:value", predicted.value.to_string()),
                ("sandtable:run", run.id.to_string()),
            ],
            area_name: address,
            area: self.area(entity),
            geocodes: self.geocodes(entity),
        })
    }
}
