//! OGC SensorThings API 1.1, Part 1: Sensing (OGC 18-088), reading only: addresses and options.

use super::query::Query;
use super::things::{Item, Related, Sample, Series, Set, observation_key};
use super::{Gateway, Scoped, base_url, instant};
use crate::http::ApiError;
use axum::Json;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use twin_model::TimeMs;

type Answer = Result<Json<Value>, ApiError>;

/// Entities of a page unless asked for another number, and at most.
const PAGE: usize = 100;
const MAX_PAGE: usize = 1000;
/// Observations set in under one datastream.
const EXPANDED: usize = 100;
const OPTIONS: [&str; 6] = ["$top", "$skip", "$count", "$expand", "$orderby", "$filter"];

fn root_url(headers: &HeaderMap) -> String {
    format!("{}/sta/v1.1", base_url(headers))
}

/// `GET /sta/v1.1`
pub(super) async fn root(RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    Query::parse(query.as_deref(), &[])?;
    let root = root_url(&headers);
    let sets: Vec<Value> =
        Set::ALL.iter().map(|s| json!({ "name": s.name(), "url": format!("{root}/{}", s.name()) })).collect();
    Ok(Json(json!({
        "value": sets,
        "serverSettings": { "conformance": ["http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel"] },
    })))
}

/// What an address names.
enum Named {
    All(Set),
    Of(Set, Related),
}

/// `GET /sta/v1.1/{path}`
pub(super) async fn read(
    Scoped(gateway): Scoped,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let named = gateway.find(&path).await?;
    let query = Query::parse(query.as_deref(), &OPTIONS)?;
    let (set, related) = match named {
        Named::Of(set, related) => (set, related),
        Named::All(set) => {
            let all = gateway.all_of(set).ok_or_else(|| {
                let line = "observations are read beneath their datastream: Datastreams(ID)/Observations";
                ApiError(StatusCode::NOT_IMPLEMENTED, line.to_owned())
            })?;
            (set, Related::Many(all))
        }
    };
    let asked = Asked::of(set, &query, matches!(related, Related::History(_)))?;
    let root = root_url(&headers);
    match related {
        Related::One(item) => {
            let mut one = gateway.expanded(vec![item], &asked, &root).await?;
            Ok(Json(one.pop().unwrap_or_default()))
        }
        Related::Many(items) => {
            let count = items.len();
            let page: Vec<Item> = items.into_iter().skip(asked.skip).take(asked.top).collect();
            let values = gateway.expanded(page, &asked, &root).await?;
            Ok(Json(asked.page(values, count, &format!("{root}/{path}"), &query)))
        }
        Related::History(series) => {
            let wanted = (asked.from, asked.to, asked.newest_first, asked.skip, asked.top);
            let (samples, count) = gateway
                .twin
                .query(move |db| {
                    let (from, to, newest_first, skip, top) = wanted;
                    let samples = db.observations(series, (from, to), newest_first, (skip, top))?;
                    Ok((samples, db.count_observations(series, (from, to))?))
                })
                .await
                .map_err(internal)?;
            let items = samples.into_iter().map(|s| Item::Observation(series, s)).collect();
            let values = gateway.expanded(items, &asked, &root).await?;
            Ok(Json(asked.page(values, count, &format!("{root}/{path}"), &query)))
        }
    }
}

fn internal(line: String) -> ApiError {
    ApiError(StatusCode::INTERNAL_SERVER_ERROR, line)
}

/// The options of a request.
#[derive(Debug)]
struct Asked {
    top: usize,
    skip: usize,
    count: bool,
    expand: Vec<String>,
    newest_first: bool,
    from: TimeMs,
    to: TimeMs,
}

impl Asked {
    fn of(set: Set, query: &Query, history: bool) -> Result<Self, ApiError> {
        let only_history = |key: &str| match query.text(key) {
            Some(text) if !history => {
                Err(ApiError::bad(format!("{key} = {text:?}: only observations of a datastream can be so chosen")))
            }
            text => Ok(text),
        };
        let expand: Vec<String> =
            query.text("$expand").iter().flat_map(|t| t.split(',')).map(|name| name.trim().to_owned()).collect();
        if let Some(bad) = expand.iter().find(|name| !set.leads_to().contains(&name.as_str())) {
            let allowed = set.leads_to().join(", ");
            return Err(ApiError::bad(format!(
                "$expand = {bad:?}: must be of [{allowed}], one level, without options"
            )));
        }
        let newest_first = match only_history("$orderby")? {
            None | Some("phenomenonTime" | "phenomenonTime asc") => false,
            Some("phenomenonTime desc") => true,
            Some(text) => {
                return Err(ApiError::bad(format!("$orderby = {text:?}: must be phenomenonTime, then asc or desc")));
            }
        };
        let (from, to) = only_history("$filter")?.map_or(Ok((TimeMs(i64::MIN), TimeMs(i64::MAX))), time_filter)?;
        // $top=0 asks for the count alone.
        let top = query.count("$top", 0..=MAX_PAGE, true)?.unwrap_or(PAGE);
        Ok(Self {
            top: if expand.is_empty() { top } else { top.min(PAGE) },
            skip: query.count("$skip", 0..=usize::MAX / 4, false)?.unwrap_or(0),
            count: query.flag("$count")?,
            expand,
            newest_first,
            from,
            to,
        })
    }

    fn page(&self, values: Vec<Value>, count: usize, here: &str, query: &Query) -> Value {
        let next = self.skip + values.len();
        let mut page = json!({});
        if self.count {
            page["@iot.count"] = json!(count);
        }
        if next < count && !values.is_empty() {
            page["@iot.nextLink"] = json!(format!("{here}?{}", query.with("$skip", next)));
        }
        page["value"] = json!(values);
        page
    }
}

/// `phenomenonTime ge T1 and phenomenonTime le T2`, either part.
fn time_filter(text: &str) -> Result<(TimeMs, TimeMs), ApiError> {
    let wrong = || {
        ApiError::bad(format!(
            "$filter = {text:?}: must be phenomenonTime ge TIME, phenomenonTime le TIME, or both with and"
        ))
    };
    let (mut from, mut to) = (TimeMs(i64::MIN), TimeMs(i64::MAX));
    for part in text.split(" and ") {
        let mut words = part.split_whitespace();
        let (Some("phenomenonTime"), Some(op), Some(time), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(wrong());
        };
        let at = instant::parse(time).ok_or_else(wrong)?;
        match op {
            "ge" => from = from.max(at),
            "le" => to = to.min(at),
            _ => return Err(wrong()),
        }
    }
    Ok((from, to))
}

impl Gateway {
    /// Follows `Set`, `Set(id)` or `Set(id)/Name`.
    async fn find(self: &Arc<Self>, path: &str) -> Result<Named, ApiError> {
        let missing =
            || ApiError::not_found(format!("nothing at {path:?}: Set, Set(id) or Set(id)/Name; see /sta/v1.1"));
        let mut steps = path.trim_matches('/').split('/');
        let first = steps.next().ok_or_else(missing)?;
        let (name, id) = match first.split_once('(') {
            Some((name, id)) => (name, Some(id.strip_suffix(')').ok_or_else(missing)?)),
            None => (first, None),
        };
        let set = Set::ALL.into_iter().find(|s| s.name() == name).ok_or_else(missing)?;
        let step = steps.next();
        if steps.next().is_some() {
            return Err(missing());
        }
        let Some(id) = id else {
            return if step.is_none() { Ok(Named::All(set)) } else { Err(missing()) };
        };
        let item = match set {
            Set::Observations => self.observation(id).await?,
            _ => self.one_of(set, id),
        };
        let item = item.ok_or_else(missing)?;
        let Some(name) = step else { return Ok(Named::Of(set, Related::One(item))) };
        let related = self.related(item, name).ok_or_else(missing)?;
        let leads = |s: &Set| s.name() == name || s.name().strip_suffix('s') == Some(name);
        let target = Set::ALL.into_iter().find(leads).or(match name {
            "ObservedProperty" => Some(Set::ObservedProperties),
            "FeatureOfInterest" => Some(Set::FeaturesOfInterest),
            _ => None,
        });
        Ok(Named::Of(target.ok_or_else(missing)?, related))
    }

    async fn observation(self: &Arc<Self>, id: &str) -> Result<Option<Item>, ApiError> {
        let Some((stream, at, seq)) = observation_key(id) else { return Ok(None) };
        let Some(Item::Datastream(series)) = self.one_of(Set::Datastreams, stream) else { return Ok(None) };
        // Of one time there are as many as a device repeated itself within a millisecond.
        let same = self.twin.query(move |db| db.observations(series, (at, at), false, (0, MAX_PAGE))).await;
        let found = same.map_err(internal)?.into_iter().find(|s| s.1 == seq);
        Ok(found.map(|sample| Item::Observation(series, sample)))
    }

    /// The items as JSON, with what `$expand` asks for set in.
    async fn expanded(self: &Arc<Self>, items: Vec<Item>, asked: &Asked, root: &str) -> Result<Vec<Value>, ApiError> {
        let mut histories: BTreeMap<Series, Vec<Sample>> = BTreeMap::new();
        if asked.expand.iter().any(|name| name == "Observations") {
            let series: Vec<Series> =
                items.iter().filter_map(|i| if let Item::Datastream(s) = i { Some(*s) } else { None }).collect();
            let everything = (TimeMs(i64::MIN), TimeMs(i64::MAX));
            let read = self.twin.query(move |db| {
                series.into_iter().map(|s| Ok((s, db.observations(s, everything, true, (0, EXPANDED + 1))?))).collect()
            });
            histories = read.await.map_err(internal)?;
        }
        Ok(items.into_iter().map(|item| self.with_related(item, &asked.expand, &histories, root)).collect())
    }

    fn with_related(
        &self,
        item: Item,
        expand: &[String],
        histories: &BTreeMap<Series, Vec<Sample>>,
        root: &str,
    ) -> Value {
        let mut json = self.item_json(item, root);
        for name in expand {
            match self.related(item, name) {
                None => {}
                Some(Related::One(other)) => json[name.as_str()] = self.item_json(other, root),
                Some(Related::Many(others)) => {
                    json[name.as_str()] = others.into_iter().map(|o| self.item_json(o, root)).collect();
                }
                Some(Related::History(series)) => {
                    let samples = histories.get(&series).map_or(&[][..], Vec::as_slice);
                    let shown =
                        samples.iter().take(EXPANDED).map(|s| self.item_json(Item::Observation(series, *s), root));
                    json[name.as_str()] = shown.collect();
                    if samples.len() > EXPANDED {
                        let link = json["Observations@iot.navigationLink"].as_str().unwrap_or("").to_owned();
                        let next = format!("{link}?$orderby=phenomenonTime%20desc&$skip={EXPANDED}");
                        json["Observations@iot.nextLink"] = json!(next);
                    }
                }
            }
        }
        json
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_time() {
        let t = TimeMs(1_709_251_199_000);
        assert_eq!(time_filter("phenomenonTime ge 2024-02-29T23:59:59Z"), Ok((t, TimeMs(i64::MAX))));
        let both = "phenomenonTime le 2024-02-29T23:59:59Z and phenomenonTime ge 2024-02-29T23:59:59Z";
        assert_eq!(time_filter(both), Ok((t, t)));
        for bad in ["result ge 3", "phenomenonTime eq now()", "phenomenonTime ge soon", ""] {
            assert!(time_filter(bad).is_err(), "{bad}");
        }
    }
}
