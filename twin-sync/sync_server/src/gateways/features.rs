//! OGC API - Features, Part 1: Core 1.0.1 (OGC 17-069r4), GeoJSON, without HTML.

use super::geometry::{Bounds, boxes_meet, lies_in, shape};
use super::query::Query;
use super::records::{Collection, case_times};
use super::stream::Page;
use super::{Gateway, base_url};
use crate::http::ApiError;
use crate::openapi::OPENAPI_3_0;
use crate::twin::now;
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use twin_model::{Case, Entity, TimeMs};

pub(super) type Shared = State<Arc<Gateway>>;
type Answer = Result<Json<Value>, ApiError>;

/// Items of a page unless asked for another number. The standard's example is 10; a client that pages by the default
/// then asks 700 times for the trees of a community.
const DEFAULT_LIMIT: usize = 100;
/// More than any community has: one request is the export of a whole kind.
pub(super) const MAX_LIMIT: usize = 1_000_000;

const GEOJSON: &str = "application/geo+json";
const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
/// `oas30` is not claimed: `/ogc/api` names every path and parameter but not the shape of every answer.
const CONFORMANCE: [&str; 2] = [
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
];

fn link(rel: &str, kind: &str, href: String, title: &str) -> Value {
    json!({ "rel": rel, "type": kind, "href": href, "title": title })
}

/// Parameters of the pages without any; `f=json` is what some clients always send.
fn plain(query: Option<&str>) -> Result<(), ApiError> {
    only_json(&Query::parse(query, &["f"])?)
}

fn only_json(query: &Query) -> Result<(), ApiError> {
    match query.text("f") {
        None | Some("json" | "geojson") => Ok(()),
        Some(other) => Err(ApiError::bad(format!("f = {other:?}: must be json"))),
    }
}

/// `GET /ogc`
pub(super) async fn landing(State(gateway): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    plain(query.as_deref())?;
    let base = base_url(&headers);
    let json = "application/json";
    Ok(Json(json!({
        "title": gateway.twin.pack.manifest.community.name,
        "description": "社区实体、设备最新值、告警与网格事件(不含个人信息)",
        "links": [
            link("self", json, format!("{base}/ogc"), "This page"),
            link("service-desc", OPENAPI_3_0, format!("{base}/ogc/api"), "API"),
            link("conformance", json, format!("{base}/ogc/conformance"), "Conformance"),
            link("data", json, format!("{base}/ogc/collections"), "Collections"),
        ],
    })))
}

/// `GET /ogc/conformance`
pub(super) async fn conformance(RawQuery(query): RawQuery) -> Answer {
    plain(query.as_deref())?;
    Ok(Json(json!({ "conformsTo": CONFORMANCE })))
}

fn describe(gateway: &Gateway, collection: Collection, base: &str) -> Value {
    let id = collection.id();
    let here = format!("{base}/ogc/collections/{id}");
    let mut extent = json!({});
    if let Some(bbox) = gateway.extent(collection) {
        extent["spatial"] = json!({ "bbox": [bbox], "crs": CRS84 });
    }
    if !matches!(collection, Collection::Kind(_)) {
        extent["temporal"] = json!({
            "interval": [[null, null]],
            "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian",
        });
    }
    json!({
        "id": id,
        "title": collection.title(),
        "extent": extent,
        "itemType": "feature",
        "crs": [CRS84],
        "links": [
            link("self", "application/json", here.clone(), "This collection"),
            link("items", GEOJSON, format!("{here}/items"), "Items"),
        ],
    })
}

/// `GET /ogc/collections`
pub(super) async fn collections(State(gateway): Shared, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    plain(query.as_deref())?;
    let base = base_url(&headers);
    let list: Vec<Value> = Collection::all(&gateway).into_iter().map(|c| describe(&gateway, c, &base)).collect();
    let this = link("self", "application/json", format!("{base}/ogc/collections"), "This page");
    Ok(Json(json!({ "links": [this], "collections": list })))
}

fn named(gateway: &Gateway, id: &str) -> Result<Collection, ApiError> {
    let found = Collection::all(gateway).into_iter().find(|c| c.id() == id);
    found.ok_or_else(|| ApiError::not_found(format!("no collection {id:?}: see /ogc/collections")))
}

/// `GET /ogc/collections/{collection}`
pub(super) async fn collection(
    State(gateway): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    plain(query.as_deref())?;
    Ok(Json(describe(&gateway, named(&gateway, &id)?, &base_url(&headers))))
}

/// Which items are asked for.
struct Wanted<'a> {
    bbox: Option<Bounds>,
    span: Option<(TimeMs, TimeMs)>,
    equal: Vec<(&'static str, &'a str)>,
}

impl<'a> Wanted<'a> {
    fn of(collection: Collection, query: &'a Query) -> Result<Self, ApiError> {
        let equal = collection.filters().iter().filter_map(|key| query.text(key).map(|v| (*key, v))).collect();
        Ok(Self { bbox: query.bbox()?, span: query.datetime()?, equal })
    }

    fn in_time(&self, from: TimeMs, to: TimeMs) -> bool {
        self.span.is_none_or(|(start, end)| from <= end && start <= to)
    }

    /// What has no time is there at any (§7.15.4).
    fn entity(&self, gateway: &Gateway, e: &Entity) -> bool {
        // The shape itself only has to be looked at where the edge of the box passes.
        let in_box = |bbox| {
            let bounds = gateway.bounds()[e.id.0 as usize];
            lies_in(bounds, bbox) || (boxes_meet(bounds, bbox) && shape(&gateway.frame, e).meets(bbox))
        };
        !gateway.is_personal(e)
            && self.equal.iter().all(|(key, value)| Gateway::entity_passes(e, key, value))
            && self.bbox.is_none_or(in_box)
    }

    fn point(&self, gateway: &Gateway, p_enu: [f64; 3]) -> bool {
        let [lon, lat] = super::geometry::lon_lat(&gateway.frame, p_enu);
        self.bbox.is_none_or(|b| boxes_meet([lon, lat, lon, lat], b))
    }

    fn case(&self, gateway: &Gateway, c: &Case) -> bool {
        let (reported, changed) = case_times(c);
        let end = if c.stage.is_open() { now() } else { changed };
        self.in_time(reported, end.max(changed))
            && self.equal.iter().all(|(key, value)| Gateway::case_passes(c, key, value))
            && self.point(gateway, c.p_enu)
    }

    /// Numbers of the items from `offset` on, at most `limit`, and how many there are in all.
    fn choose(&self, gateway: &Gateway, collection: Collection, offset: usize, limit: usize) -> (Vec<u64>, usize) {
        let model = &gateway.twin.pack.model;
        let mut matched = 0;
        let mut ids = Vec::new();
        let mut take = |id: u64| {
            if matched >= offset && ids.len() < limit {
                ids.push(id);
            }
            matched += 1;
        };
        match collection {
            Collection::Kind(kind) => {
                model.of_kind(kind).filter(|e| self.entity(gateway, e)).for_each(|e| take(u64::from(e.id.0)));
            }
            Collection::Alarms => {
                let engine = gateway.twin.read();
                let alarms = engine.live().alarms().filter(|a| {
                    let end = if a.state.is_open() { now().max(a.changed_at) } else { a.changed_at };
                    gateway.shows_alarm(a)
                        && self.in_time(a.raised_at, end)
                        && self.equal.iter().all(|(key, value)| gateway.alarm_passes(a, key, value))
                        && model.get(a.entity).is_some_and(|e| self.point(gateway, e.p_enu))
                });
                alarms.for_each(|a| take(a.id.0));
            }
            Collection::Cases => {
                let engine = gateway.twin.read();
                engine.live().cases().filter(|c| self.case(gateway, c)).for_each(|c| take(c.id.0));
            }
        }
        (ids, matched)
    }
}

/// `GET /ogc/collections/{collection}/items`
pub(super) async fn items(
    State(gateway): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let collection = named(&gateway, &id)?;
    let known = [&["f", "bbox", "datetime", "limit", "offset"], collection.filters()].concat();
    let query = Query::parse(query.as_deref(), &known)?;
    only_json(&query)?;
    let limit = query.count("limit", 1..=MAX_LIMIT, true)?.unwrap_or(DEFAULT_LIMIT);
    let offset = query.count("offset", 0..=usize::MAX / 2, false)?.unwrap_or(0);
    let (ids, matched) = Wanted::of(collection, &query)?.choose(&gateway, collection, offset, limit);
    let here = format!("{}/ogc/collections/{id}", base_url(&headers));
    let page = |offset: usize| format!("{here}/items?{}", query.with("offset", offset));
    let mut links = vec![
        link("self", GEOJSON, page(offset), "This page"),
        link("collection", "application/json", here.clone(), collection.title()),
    ];
    if offset + ids.len() < matched && !ids.is_empty() {
        links.push(link("next", GEOJSON, page(offset + ids.len()), "Next page"));
    }
    if offset > 0 {
        links.push(link("prev", GEOJSON, page(offset.saturating_sub(limit)), "Previous page"));
    }
    let page = Page { gateway, collection, ids: ids.into_iter(), matched, links: json!(links) };
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, GEOJSON)], page.into_body()).into_response())
}

/// `GET /ogc/collections/{collection}/items/{item}`
pub(super) async fn item(
    State(gateway): Shared,
    Path((id, item)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    plain(query.as_deref())?;
    let collection = named(&gateway, &id)?;
    let missing = || ApiError::not_found(format!("no item {item:?} in collection {id:?}"));
    let number: u64 = item.parse().map_err(|_unparsable| missing())?;
    let feature = gateway.feature(collection, number, gateway.twin.read().live(), now());
    let mut feature = feature.ok_or_else(missing)?;
    let here = format!("{}/ogc/collections/{id}", base_url(&headers));
    feature["links"] = json!([
        link("self", GEOJSON, format!("{here}/items/{number}"), "This item"),
        link("collection", "application/json", here, collection.title()),
    ]);
    Ok(([(header::CONTENT_TYPE, GEOJSON)], feature.to_string()).into_response())
}
