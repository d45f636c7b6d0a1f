//! Open311 GeoReport v2 (wiki.open311.org/GeoReport_v2), in and out, JSON and XML. A service is a class of the case
//! tables, a service request a case. Which stage is which status is said at [`status`].

use super::open311_text::{Answer, Format, Node, failure, reply};
use super::{Gateway, Scoped};
use crate::access::Visitor;
use crate::cases::routes::{check_report, newest};
use crate::http::ApiError;
use crate::openapi::Row;
use crate::rest::refused;
use crate::twin::now;
use crate::writer::{Change, Reply};
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, FixedOffset, SecondsFormat};
use geo_frame::Geodetic;
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::cases::MatterClass;
use twin_model::{Case, CaseEnd, CaseId, NewCase, Placement, TimeMs};

/// The standard's bound on one answer, and on the span of time it covers.
const MOST: usize = 1000;
const SPAN_MS: i64 = 90 * 86_400_000;
/// Cases that are looked at for one answer when filters leave most of them out.
const LOOKED_AT: usize = 100_000;

pub(crate) const OPENAPI: [Row; 7] = [
    ("get", "/open311/v2/services.{format}", "Open311: services (json, xml)", &["jurisdiction_id"], None, "services"),
    ("get", "/open311/v2/services/{code}.{format}", "Open311: what a service asks for", &[], None, "definition"),
    (
        "get",
        "/open311/v2/requests.{format}",
        "Open311: service requests of at most 90 days, newest first, at most 1000 a page",
        &[
            "service_request_id",
            "service_code",
            "start_date",
            "end_date",
            "status",
            "bbox",
            "page",
            "page_size",
            "jurisdiction_id",
        ],
        None,
        "service requests",
    ),
    (
        "post",
        "/open311/v2/requests.{format}",
        "Open311: report (form fields service_code, lat, long or address_id, description, attribute[component])",
        &[],
        None,
        "service request id",
    ),
    ("get", "/open311/v2/requests/{id}.{format}", "Open311: one service request", &[], None, "service request"),
    ("get", "/open311/v2/tokens/{token}.{format}", "Open311: the request of a token", &[], None, "id"),
    ("get", "/open311/v2/discovery.{format}", "Open311: service discovery", &[], None, "discovery"),
];

type Fields = BTreeMap<String, String>;

fn fields(text: &[u8]) -> Fields {
    form_urlencoded::parse(text).into_owned().collect()
}

/// An error of the standard: a status, and a list of code and description.
#[derive(Debug)]
pub(super) struct Problem(pub(super) StatusCode, pub(super) String);

fn bad(line: impl Into<String>) -> Problem {
    Problem(StatusCode::BAD_REQUEST, line.into())
}

fn missing(line: impl Into<String>) -> Problem {
    Problem(StatusCode::NOT_FOUND, line.into())
}

impl From<ApiError> for Problem {
    fn from(e: ApiError) -> Self {
        // The standard knows 400 for what was asked wrongly; 422 says nothing to its clients.
        let status = if e.0 == StatusCode::UNPROCESSABLE_ENTITY { StatusCode::BAD_REQUEST } else { e.0 };
        Self(status, e.1)
    }
}

/// `GET /open311/v2/…`.
pub(super) async fn read(
    Scoped(gateway): Scoped,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (resource, format) = Format::of(&path);
    let query = fields(query.unwrap_or_default().as_bytes());
    let made = gateway.open311(resource, &query, &headers).await;
    finish(made, format)
}

/// `POST /open311/v2/requests.{json,xml}`.
pub(super) async fn create(
    State(gateway): State<Arc<Gateway>>,
    visitor: Visitor,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let (resource, format) = Format::of(&path);
    let form = fields(&body);
    let mut given = fields(query.unwrap_or_default().as_bytes());
    // A key in an address ends up in logs: it is not looked at.
    given.remove("api_key");
    let key = form.get("api_key").cloned();
    given.extend(form);
    let caller = match visitor.with_key(&gateway.twin, key.as_deref(), "POST /open311/v2/requests").await {
        Ok(caller) => caller,
        Err(refused) => return failure(&refused.into(), format.unwrap_or(Format::Json)),
    };
    let made = match resource {
        "requests" => gateway.for_caller(caller).open311_report(&given).await,
        _ => Err(missing(format!("{path:?}: reports go to requests.json or requests.xml"))),
    };
    finish(made, format)
}

fn finish(made: Result<Answer, Problem>, format: Option<Format>) -> Response {
    match (made, format) {
        (_, None) => failure(&missing("address must end with .json or .xml"), Format::Json),
        (Ok(answer), Some(format)) => reply(&answer, format),
        (Err(problem), Some(format)) => failure(&problem, format),
    }
}

/// 上报 … 核查 are open. 结案, 评价 and every other end are closed.
fn status(case: &Case) -> &'static str {
    if case.stage.is_open() { "open" } else { "closed" }
}

/// Words for what the standard's two states leave out; the last two are FixMyStreet's.
fn status_notes(case: &Case) -> String {
    let suspended = if case.suspended_at.is_some() { " (挂账)" } else { "" };
    match case.end {
        Some(CaseEnd::Duplicate) => {
            format!("重复 duplicate of {}", case.duplicate_of.map(|d| d.to_string()).unwrap_or_default())
        }
        Some(CaseEnd::NotAccepted) => "不立案 no further action".to_owned(),
        Some(CaseEnd::Void) => "作废 withdrawn".to_owned(),
        Some(CaseEnd::Closed) | None => format!("{}{suspended}", case.stage.zh()),
    }
}

/// With the offset of China, as the standard's examples have one.
fn time(at: TimeMs) -> String {
    let utc = DateTime::from_timestamp_millis(at.0).unwrap_or_default();
    const CHINA: Option<FixedOffset> = FixedOffset::east_opt(8 * 3600);
    CHINA.map_or_else(String::new, |c| utc.with_timezone(&c).to_rfc3339_opts(SecondsFormat::Secs, false))
}

fn instant(given: &Fields, key: &str) -> Result<Option<TimeMs>, Problem> {
    let Some(text) = given.get(key).filter(|t| !t.is_empty()) else { return Ok(None) };
    super::instant::parse(text).map(Some).ok_or_else(|| {
        bad(format!("{key} = {text:?}: must be a W3C date and time with offset, e.g. 2026-11-21T09:00:00+08:00"))
    })
}

fn degrees(given: &Fields, key: &str, most: f64) -> Result<Option<f64>, Problem> {
    let Some(text) = given.get(key).filter(|t| !t.is_empty()) else { return Ok(None) };
    let value: Option<f64> = text.trim().parse().ok().filter(|v: &f64| v.abs() <= most);
    value.map(Some).ok_or_else(|| bad(format!("{key} = {text:?}: must be degrees -{most}..{most}")))
}

fn number(given: &Fields, key: &str, most: usize) -> Result<Option<usize>, Problem> {
    let Some(text) = given.get(key).filter(|t| !t.is_empty()) else { return Ok(None) };
    let value = text.parse().ok().filter(|n| (1..=most).contains(n));
    value.map(Some).ok_or_else(|| bad(format!("{key} = {text:?}: must be 1..{most}")))
}

/// What an answer leaves out.
struct Wanted {
    ids: Option<Vec<CaseId>>,
    codes: Option<Vec<String>>,
    status: Option<String>,
    /// West, south, east, north.
    bbox: Option<[f64; 4]>,
    from: TimeMs,
    to: TimeMs,
}

impl Wanted {
    fn of(given: &Fields) -> Result<Self, Problem> {
        let list = |key: &str| {
            let text = given.get(key).filter(|t| !t.is_empty())?;
            Some(text.split(',').map(|s| s.trim().to_owned()).collect::<Vec<String>>())
        };
        let ids = list("service_request_id").map(|l| l.iter().filter_map(|t| Some(CaseId(t.parse().ok()?))).collect());
        let status = given.get("status").filter(|s| !s.is_empty()).cloned();
        if let Some(status) = status.as_ref().filter(|s| s.split(',').any(|s| !matches!(s, "open" | "closed"))) {
            return Err(bad(format!("status = {status:?}: must be open, closed or both with a comma")));
        }
        let (start, end) = (instant(given, "start_date")?, instant(given, "end_date")?);
        // Without dates the newest 90 days; with one, 90 days from or up to it.
        let to = end.unwrap_or_else(|| start.map_or(now(), |s| TimeMs(s.0.saturating_add(SPAN_MS))));
        let from = start.unwrap_or(TimeMs(to.0.saturating_sub(SPAN_MS)));
        if from > to || to.0 - from.0 > SPAN_MS {
            return Err(bad("start_date and end_date: must be in this order and at most 90 days apart"));
        }
        Ok(Self { ids, codes: list("service_code"), status, bbox: bbox(given)?, from, to })
    }

    fn passes(&self, case: &Case, lon_lat: [f64; 2]) -> bool {
        let [lon, lat] = lon_lat;
        self.codes.as_ref().is_none_or(|codes| codes.contains(&case.class))
            && self.status.as_ref().is_none_or(|s| s.split(',').any(|s| s == status(case)))
            && self.bbox.is_none_or(|[w, s, e, n]| {
                case.placed != Placement::Unlocated && (w..=e).contains(&lon) && (s..=n).contains(&lat)
            })
    }
}

fn bbox(given: &Fields) -> Result<Option<[f64; 4]>, Problem> {
    let Some(text) = given.get("bbox").filter(|t| !t.is_empty()) else { return Ok(None) };
    let numbers: Vec<f64> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    match numbers[..] {
        [w, s, e, n] if w <= e && s <= n => Ok(Some([w, s, e, n])),
        _ => Err(bad(format!("bbox = {text:?}: must be west,south,east,north in degrees"))),
    }
}

impl Gateway {
    async fn open311(&self, resource: &str, given: &Fields, headers: &HeaderMap) -> Result<Answer, Problem> {
        self.check_jurisdiction(given)?;
        match resource.split('/').collect::<Vec<_>>()[..] {
            ["services"] => Ok(self.services()),
            ["services", code] => self.definition(code),
            ["requests"] => self.requests(given, headers).await,
            ["requests", id] => self.request(id, headers).await,
            ["tokens", token] => self.token(token).await,
            ["discovery"] => Ok(self.discovery(headers)),
            _ => Err(missing(format!("{resource:?}: known here: services, requests, tokens, discovery"))),
        }
    }

    /// One community is served; a jurisdiction that is named must be its own.
    fn check_jurisdiction(&self, given: &Fields) -> Result<(), Problem> {
        let community = &self.twin.pack.manifest.community;
        let other = |j: &&String| !j.is_empty() && **j != community.division && **j != community.id;
        match given.get("jurisdiction_id").filter(other) {
            Some(j) => Err(missing(format!("jurisdiction_id = {j:?}: here is {:?}", community.id))),
            None => Ok(()),
        }
    }

    fn classes(&self) -> impl Iterator<Item = &MatterClass> {
        // One table: codes of different tables look alike.
        self.twin.case_rules.tables.first().into_iter().flat_map(|t| t.classes.values())
    }

    fn services(&self) -> Answer {
        let group = |c: &MatterClass| match c.kind {
            sync_core::cases::ClassKind::Component => "部件",
            sync_core::cases::ClassKind::Event => "事件",
        };
        let list = self.classes().map(|c| {
            Node::object([
                ("service_code", Node::text(&c.code)),
                ("service_name", Node::text(&c.name)),
                ("description", Node::text(&c.name)),
                ("metadata", Node::Bool(true)),
                ("type", Node::text("realtime")),
                ("keywords", Node::text(group(c))),
                ("group", Node::text(group(c))),
            ])
        });
        Answer { root: "services", item: Some("service"), body: Node::List(list.collect()) }
    }

    fn definition(&self, code: &str) -> Result<Answer, Problem> {
        let class = self.classes().find(|c| c.code == code);
        let class = class.ok_or_else(|| missing(format!("service_code = {code:?}: see services")))?;
        let attribute = Node::object([
            ("variable", Node::Bool(true)),
            ("code", Node::text("component")),
            ("datatype", Node::text("string")),
            ("required", Node::Bool(false)),
            ("datatype_description", Node::text("code of the thing in the community's table")),
            ("order", Node::Number(1.0)),
            ("description", Node::text("部件编码, 如知道")),
        ]);
        let attributes = Node::Named("attribute", vec![attribute]);
        let body = Node::object([("service_code", Node::text(&class.code)), ("attributes", attributes)]);
        Ok(Answer { root: "service_definition", item: None, body })
    }

    fn discovery(&self, headers: &HeaderMap) -> Answer {
        let url = format!("{}/open311/v2", super::base_url(headers));
        let formats = Node::Named("format", vec![Node::text("text/xml"), Node::text("application/json")]);
        let endpoint = Node::object([
            ("specification", Node::text("http://wiki.open311.org/GeoReport_v2")),
            ("url", Node::text(&url)),
            ("changeset", Node::text("2026-11-21 00:00")),
            ("type", Node::text("production")),
            ("formats", formats),
        ]);
        let body = Node::object([
            ("changeset", Node::text("2026-11-21 00:00")),
            ("contact", Node::text(&self.twin.pack.manifest.community.name)),
            ("key_service", Node::text("")),
            ("endpoints", Node::Named("endpoint", vec![endpoint])),
        ]);
        Answer { root: "discovery", item: None, body }
    }

    fn lon_lat(&self, case: &Case) -> [f64; 2] {
        let at = self.frame.geodetic_from_enu(case.p_enu);
        [at.lon_deg, at.lat_deg]
    }

    /// Description and notes are left out: free text in which people are named.
    fn service_request(&self, case: &Case, headers: &HeaderMap) -> Node {
        let rules = &self.twin.case_rules;
        let class = rules.class_in(&case.code_system, &case.class);
        let agency = case.department.and_then(|d| rules.departments.get(&d)).map_or("", |d| d.name.as_str());
        let [lon, lat] = self.lon_lat(case);
        let located = case.placed != Placement::Unlocated;
        let place = |v: f64| if located { Node::Number((v * 1e9).round() / 1e9) } else { Node::Null };
        let address = case.entity.or(case.grid).map(|id| self.address(id)).unwrap_or_default();
        let photo = case
            .photos
            .first()
            .filter(|_| self.caller.shows_notes(case))
            .map(|p| format!("{}/api/cases/{}/photos/{}", super::base_url(headers), case.id, p.sha256));
        let notice = if case.placed == Placement::Mapped { "位置为导入换算" } else { "" };
        Node::object([
            ("service_request_id", Node::text(&case.id.to_string())),
            ("status", Node::text(status(case))),
            ("status_notes", Node::text(&status_notes(case))),
            ("service_name", Node::text(class.map_or(case.class.as_str(), |c| &c.name))),
            ("service_code", Node::text(&case.class)),
            ("description", Node::text(&case.title)),
            ("agency_responsible", Node::text(agency)),
            ("service_notice", Node::text(notice)),
            ("requested_datetime", Node::text(&time(case.reported_at()))),
            ("updated_datetime", Node::text(&time(case.changed_at()))),
            ("expected_datetime", case.due_at().map_or(Node::Null, |d| Node::text(&time(d)))),
            ("address", Node::text(&address)),
            ("address_id", case.entity.map_or(Node::Null, |e| Node::text(&e.to_string()))),
            ("zipcode", Node::Null),
            ("lat", place(lat)),
            ("long", place(lon)),
            ("media_url", photo.map_or(Node::Null, |p| Node::text(&p))),
        ])
    }

    async fn requests(&self, given: &Fields, headers: &HeaderMap) -> Result<Answer, Problem> {
        let wanted = Wanted::of(given)?;
        let size = number(given, "page_size", MOST)?.unwrap_or(MOST);
        let skip = (number(given, "page", LOOKED_AT)?.unwrap_or(1) - 1).saturating_mul(size);
        let cases = match &wanted.ids {
            // The standard: named requests come whatever the other parameters say.
            Some(ids) => {
                let mut found = Vec::new();
                for id in ids.iter().take(MOST) {
                    found.extend(self.twin.case(&self.caller, *id).await.ok());
                }
                found
            }
            None => {
                let mut all = newest(&self.twin, &self.caller, (wanted.from, wanted.to), LOOKED_AT).await?;
                all.retain(|c| wanted.passes(c, self.lon_lat(c)));
                all
            }
        };
        let list = cases.iter().skip(skip).take(size).map(|c| self.service_request(c, headers)).collect();
        Ok(Answer { root: "service_requests", item: Some("request"), body: Node::List(list) })
    }

    async fn reported(&self, id: &str) -> Result<Case, Problem> {
        let none = || missing(format!("service_request_id = {id:?}: there is no such request"));
        let id = id.parse().map_err(|_unparsable| none())?;
        self.twin.case(&self.caller, CaseId(id)).await.map_err(|_absent| none())
    }

    async fn request(&self, id: &str, headers: &HeaderMap) -> Result<Answer, Problem> {
        let case = self.reported(id).await?;
        let body = Node::List(vec![self.service_request(&case, headers)]);
        Ok(Answer { root: "service_requests", item: Some("request"), body })
    }

    /// A report has its number at once; its token is the same number.
    async fn token(&self, token: &str) -> Result<Answer, Problem> {
        let case = self.reported(token).await.map_err(|_absent| missing(format!("token = {token:?}: is not known")))?;
        let id = case.id.to_string();
        let body = Node::object([("service_request_id", Node::text(&id)), ("token", Node::text(&id))]);
        Ok(Answer { root: "service_requests", item: Some("request"), body: Node::List(vec![body]) })
    }

    async fn open311_report(&self, given: &Fields) -> Result<Answer, Problem> {
        self.check_jurisdiction(given)?;
        let code = given.get("service_code").filter(|c| !c.is_empty());
        let code = code.ok_or_else(|| bad("service_code is missing"))?;
        let class = self.classes().find(|c| c.code == *code);
        let class = class.ok_or_else(|| missing(format!("service_code = {code:?}: see services")))?;
        let (entity, p_enu) = self.reported_place(given)?;
        let description = given.get("description").cloned().unwrap_or_default();
        // Name, telephone and e-mail of the reporter are not kept; nor is a picture's address, which nobody follows.
        let new = NewCase { class: class.code.clone(), title: title(class, &description), description, entity, p_enu };
        check_report(&self.twin, &self.caller, &new)?;
        let reply = self
            .twin
            .change_by(Change::CreateCase(new), self.caller.account())
            .await
            .map_err(|r| Problem::from(refused(r)))?;
        let Reply::Case(case) = reply else {
            return Err(Problem(StatusCode::INTERNAL_SERVER_ERROR, "the report was answered otherwise".to_owned()));
        };
        let body = Node::object([
            ("service_request_id", Node::text(&case.id.to_string())),
            ("service_notice", Node::text("已登记, 待核实")),
            ("account_id", Node::Null),
        ]);
        Ok(Answer { root: "service_requests", item: Some("request"), body: Node::List(vec![body]) })
    }

    /// Where a report is: `attribute[component]` names a thing by its code, `address_id` by its number; else lat, long.
    fn reported_place(&self, given: &Fields) -> Result<(Option<twin_model::EntityId>, Option<[f64; 3]>), Problem> {
        let model = &self.twin.pack.model;
        let (lat, lon) = (degrees(given, "lat", 90.0)?, degrees(given, "long", 180.0)?);
        let component = given.get("attribute[component]").filter(|c| !c.is_empty());
        let named = match (component, given.get("address_id").filter(|a| !a.is_empty())) {
            (Some(code), _) => {
                let found = model.entities().iter().find(|e| e.code == *code && self.caller.sees(e.id));
                Some(found.ok_or_else(|| bad(format!("attribute[component] = {code:?}: is not in the community")))?.id)
            }
            (None, Some(id)) => {
                let found = id
                    .parse()
                    .ok()
                    .and_then(|id| model.get(twin_model::EntityId(id)).filter(|e| self.caller.sees(e.id)));
                Some(found.ok_or_else(|| bad(format!("address_id = {id:?}: is not in the community")))?.id)
            }
            (None, None) => None,
        };
        let point = match (lat, lon) {
            (Some(lat_deg), Some(lon_deg)) => {
                let height_m = self.twin.pack.manifest.origin.height_m;
                Some(self.frame.enu_from_geodetic(Geodetic { lon_deg, lat_deg, height_m }).to_array())
            }
            (None, None) => None,
            _ => return Err(bad("lat and long: must be given together")),
        };
        if named.is_none() && point.is_none() {
            return Err(bad("lat and long, address_id or attribute[component] must be given"));
        }
        Ok((named, point))
    }
}

/// One line for lists: the class, and how the description begins.
fn title(class: &MatterClass, description: &str) -> String {
    let begin: String = description.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(60).collect();
    if begin.is_empty() { class.name.clone() } else { format!("{}: {begin}", class.name) }
}
