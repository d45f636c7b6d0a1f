//! Parameters of an address, checked: an unknown one, a repeated one and a bad value are each one clear line.

use super::geometry::Bounds;
use super::instant;
use crate::http::ApiError;
use std::ops::RangeInclusive;
use twin_model::TimeMs;

/// The parameters that were given, each once.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes them; only those in `known` may occur (OGC API - Features, requirement /req/core/query-param-unknown).
    pub(super) fn parse(query: Option<&str>, known: &[&str]) -> Result<Self, ApiError> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (key, value) in form_urlencoded::parse(query.unwrap_or("").as_bytes()).into_owned() {
            if !known.contains(&key.as_str()) {
                let allowed = if known.is_empty() { "no parameter".to_owned() } else { known.join(", ") };
                return Err(ApiError::bad(format!("parameter {key:?} = {value:?}: known here: {allowed}")));
            }
            if pairs.iter().any(|(k, _)| *k == key) {
                return Err(ApiError::bad(format!("parameter {key:?} = {value:?}: must be given once")));
            }
            pairs.push((key, value));
        }
        Ok(Self(pairs))
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str()).filter(|v| !v.is_empty())
    }

    /// A count; one above the range is brought down to its end when `cap`, as OGC API - Features wants of `limit`.
    pub(super) fn count(
        &self,
        key: &str,
        allowed: RangeInclusive<usize>,
        cap: bool,
    ) -> Result<Option<usize>, ApiError> {
        let Some(text) = self.text(key) else { return Ok(None) };
        let wrong = || {
            ApiError::bad(format!("{key} = {text:?}: must be a whole number {}..{}", allowed.start(), allowed.end()))
        };
        let n: usize = text.parse().map_err(|_unparsable| wrong())?;
        match n {
            n if n > *allowed.end() && cap => Ok(Some(*allowed.end())),
            n if allowed.contains(&n) => Ok(Some(n)),
            _ => Err(wrong()),
        }
    }

    /// True or false.
    pub(super) fn flag(&self, key: &str) -> Result<bool, ApiError> {
        match self.text(key) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(text) => Err(ApiError::bad(format!("{key} = {text:?}: must be true or false"))),
        }
    }

    /// `west,south,east,north` in degrees (CRS84), or with heights in between; west > east crosses the date line.
    pub(super) fn bbox(&self) -> Result<Option<Bounds>, ApiError> {
        let Some(text) = self.text("bbox") else { return Ok(None) };
        let wrong = || {
            ApiError::bad(format!(
                "bbox = {text:?}: must be west,south,east,north in degrees (4 or 6 numbers; longitude -180..180, \
                 latitude -90..90, south <= north)"
            ))
        };
        let numbers: Vec<f64> =
            text.split(',').map(|n| n.trim().parse()).collect::<Result<_, _>>().map_err(|_unparsable| wrong())?;
        let [west, south, east, north] = match numbers[..] {
            [w, s, e, n] | [w, s, _, e, n, _] => [w, s, e, n],
            _ => return Err(wrong()),
        };
        let fits = [west, east].iter().all(|v| (-180.0..=180.0).contains(v))
            && [south, north].iter().all(|v| (-90.0..=90.0).contains(v))
            && south <= north;
        if fits { Ok(Some([west, south, east, north])) } else { Err(wrong()) }
    }

    /// An instant or `from/to`, either end open as `..` (OGC API - Features §7.15.4).
    pub(super) fn datetime(&self) -> Result<Option<(TimeMs, TimeMs)>, ApiError> {
        let Some(text) = self.text("datetime") else { return Ok(None) };
        let wrong = || {
            ApiError::bad(format!(
                "datetime = {text:?}: must be a time (2026-11-20T08:00:00Z) or FROM/TO with .. for an open end, FROM <= TO"
            ))
        };
        let end = |part: &str, open: i64| match part {
            "" | ".." => Ok(TimeMs(open)),
            _ => instant::parse(part).ok_or_else(wrong),
        };
        let (from, to) = match text.split_once('/') {
            Some((from, to)) => (end(from, i64::MIN)?, end(to, i64::MAX)?),
            None => instant::parse(text).map(|t| (t, t)).ok_or_else(wrong)?,
        };
        if from <= to { Ok(Some((from, to))) } else { Err(wrong()) }
    }

    /// The parameters as text for a link, with one of them changed.
    pub(super) fn with(&self, key: &str, value: usize) -> String {
        let mut out = form_urlencoded::Serializer::new(String::new());
        out.extend_pairs(self.0.iter().filter(|(k, _)| k != key));
        out.append_pair(key, &value.to_string()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(Some(text), &["bbox", "datetime", "limit", "class"]).unwrap()
    }

    #[test]
    fn what_is_wrong_is_said_with_value_and_range() {
        let said = |r: Result<Option<Bounds>, ApiError>| r.unwrap_err().1;
        assert!(said(query("bbox=1,2,3").bbox()).contains("\"1,2,3\"") && query("bbox=1,2,3,4").bbox().is_ok());
        for bad in ["bbox=1,4,3,2", "bbox=1,2,300,4", "bbox=a,2,3,4", "bbox=1,2,NaN,4", "bbox=1,2,3,4,5"] {
            assert!(query(bad).bbox().is_err(), "{bad}");
        }
        assert_eq!(query("bbox=170,2,0,-170,4,9").bbox().unwrap(), Some([170.0, 2.0, -170.0, 4.0]));
        let error = Query::parse(Some("colour=red"), &["limit"]).unwrap_err();
        assert_eq!(error.1, "parameter \"colour\" = \"red\": known here: limit");
        assert!(Query::parse(Some("limit=1&limit=2"), &["limit"]).is_err());
    }

    #[test]
    fn counts_and_times() {
        assert_eq!(query("limit=99").count("limit", 1..=10, true), Ok(Some(10)));
        assert!(query("limit=99").count("limit", 1..=10, false).is_err());
        assert!(query("limit=0").count("limit", 1..=10, true).is_err());
        let t = TimeMs(1_709_251_199_000);
        assert_eq!(query("datetime=2024-02-29T23:59:59Z").datetime(), Ok(Some((t, t))));
        assert_eq!(query("datetime=../2024-02-29T23:59:59Z").datetime(), Ok(Some((TimeMs(i64::MIN), t))));
        assert!(query("datetime=2024-02-29T23:59:59Z/2023-02-28T23:59:59Z").datetime().is_err());
        assert_eq!(query("limit=5&class=%E9%9B%A8").with("limit", 7), "class=%E9%9B%A8&limit=7");
    }
}
