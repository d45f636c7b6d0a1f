//! Device payloads (报文): JSON, decoded strictly, never trusted.

use serde_json::Value;
use twin_model::TimeMs;

/// Largest payload that is looked at, bytes.
pub const MAX_PAYLOAD_BYTES: usize = 256 * 1024;
/// Largest magnitude of a value; greater numbers are nonsense for any physical property and would poison sums.
pub const MAX_ABS_VALUE: f64 = 1e15;
/// Device times before this instant (2000-01-01T00:00:00Z) mean that the device has no clock.
const EARLIEST_CLOCK: i64 = 946_684_800_000;
/// Device times beyond this (year 5138) are read as absent.
const LATEST_CLOCK: i64 = 100_000_000_000_000;

/// A payload that holds no usable reading. The text is stored beside the dead letter.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Larger than [`MAX_PAYLOAD_BYTES`].
    #[error("payload of {0} bytes: at most {MAX_PAYLOAD_BYTES} are read")]
    TooLarge(usize),
    /// Not JSON (or deeper than 128 levels, or a number that does not fit).
    #[error("not JSON: {0}")]
    Json(String),
    /// Nothing at the bound path.
    #[error("nothing at payload path {0:?}")]
    Missing(String),
    /// Something other than a number, a truth value or `[value, quality]`.
    #[error("payload path {path:?} holds {found}: must be a number, true/false or [number, quality]")]
    NotANumber {
        /// Path.
        path: String,
        /// Kind of value found.
        found: &'static str,
    },
    /// Not finite or absurdly large.
    #[error("payload path {path:?} holds {value}: must lie in -1e15..1e15")]
    OutOfRange {
        /// Path.
        path: String,
        /// The value.
        value: f64,
    },
}

/// One value of a payload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Value in the property's unit; finite, magnitude at most [`MAX_ABS_VALUE`].
    pub value: f64,
    /// True when the device itself marked it as doubtful (second array element not 0).
    pub doubtful: bool,
}

/// A decoded payload.
#[derive(Debug, Clone, PartialEq)]
pub struct Payload {
    /// Device time; `None` when absent or when the device has no set clock.
    pub ts: Option<TimeMs>,
    /// Count of device restarts, with `seq`.
    pub boot: u64,
    /// Message number within one device life.
    pub seq: Option<u64>,
    body: Value,
}

impl Payload {
    /// Reads a bare number or truth value, `{"v": 21.3, "ts": ms}` or
    /// `{"ts": ms, "boot": n, "seq": n, "m": {"property": value | [value, quality]}}`.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`] or [`DecodeError::Json`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_PAYLOAD_BYTES {
            return Err(DecodeError::TooLarge(bytes.len()));
        }
        // serde_json refuses more than 128 levels, non-finite numbers and invalid UTF-8 by itself.
        let body: Value = serde_json::from_slice(bytes).map_err(|e| DecodeError::Json(e.to_string()))?;
        let ts = body.get("ts").and_then(integer).filter(|ts| (EARLIEST_CLOCK..=LATEST_CLOCK).contains(ts));
        let boot = body.get("boot").and_then(Value::as_u64).unwrap_or(0);
        let seq = body.get("seq").and_then(Value::as_u64);
        Ok(Self { ts: ts.map(TimeMs), boot, seq, body })
    }

    /// The reading at a dotted path: `"m.water_level_m"`, `"v"`, or `""` for the whole payload. A bare number answers
    /// `""` and `"v"`; an object answers `""` with its `v`.
    ///
    /// # Errors
    /// [`DecodeError::Missing`], [`DecodeError::NotANumber`] or [`DecodeError::OutOfRange`].
    pub fn reading(&self, path: &str) -> Result<Reading, DecodeError> {
        let found = self.locate(path).ok_or_else(|| DecodeError::Missing(path.to_owned()))?;
        let not_a_number = || DecodeError::NotANumber { path: path.to_owned(), found: kind(found) };
        let (value, doubtful) = match found {
            Value::Array(pair) => {
                let value = pair.first().and_then(scalar).ok_or_else(not_a_number)?;
                (value, pair.get(1).is_some_and(|q| scalar(q) != Some(0.0)))
            }
            other => (scalar(other).ok_or_else(not_a_number)?, false),
        };
        if value.is_nan() || value.abs() > MAX_ABS_VALUE {
            return Err(DecodeError::OutOfRange { path: path.to_owned(), value });
        }
        // -0.0 and 0.0 are one value; keep one bit pattern so that repeats compare equal.
        Ok(Reading { value: value + 0.0, doubtful })
    }

    fn locate(&self, path: &str) -> Option<&Value> {
        match (&self.body, path) {
            (Value::Object(map), "") => map.get("v"),
            (Value::Number(_) | Value::Bool(_) | Value::Array(_), "" | "v") => Some(&self.body),
            (body, path) => path.split('.').try_fold(body, |value, key| value.get(key)),
        }
    }
}

fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_f64().filter(|f| f.is_finite()).map(|f| f as i64))
}

fn scalar(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(b) => Some(f64::from(u8::from(*b))),
        Value::Number(n) => n.as_f64(),
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array without a leading number",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, path: &str) -> Result<Reading, DecodeError> {
        Payload::decode(text.as_bytes())?.reading(path)
    }

    #[test]
    fn the_three_forms() {
        assert_eq!(read("21.3", "").unwrap(), Reading { value: 21.3, doubtful: false });
        assert_eq!(read("21.3", "v").unwrap().value, 21.3);
        assert_eq!(read(r#"{"v":21.3,"ts":1700000000000}"#, "v").unwrap().value, 21.3);
        assert_eq!(read(r#"{"v":true}"#, "").unwrap().value, 1.0);
        let text = r#"{"ts":1700000000000,"boot":2,"seq":7,"m":{"a":[1.5,1],"b":2,"c":[3,0],"d":[4]}}"#;
        let payload = Payload::decode(text.as_bytes()).unwrap();
        assert_eq!((payload.ts, payload.boot, payload.seq), (Some(TimeMs(1_700_000_000_000)), 2, Some(7)));
        assert_eq!(payload.reading("m.a").unwrap(), Reading { value: 1.5, doubtful: true });
        assert_eq!(payload.reading("m.b").unwrap().value, 2.0);
        assert!(!payload.reading("m.c").unwrap().doubtful && !payload.reading("m.d").unwrap().doubtful);
        assert_eq!(payload.reading("m.e"), Err(DecodeError::Missing("m.e".into())));
    }

    #[test]
    fn poison_is_refused_with_a_reason() {
        for text in ["NaN", "Infinity", "-inf", "1e999", "{\"v\":NaN}", "", "{", "\u{0}", "[[[", "{\"v\":1}x"] {
            assert!(matches!(Payload::decode(text.as_bytes()), Err(DecodeError::Json(_))), "{text}");
        }
        assert!(matches!(read("1e308", ""), Err(DecodeError::OutOfRange { .. })));
        assert!(matches!(read(r#"{"v":-1e16}"#, "v"), Err(DecodeError::OutOfRange { .. })));
        assert!(matches!(read(r#"{"v":"12"}"#, "v"), Err(DecodeError::NotANumber { found: "text", .. })));
        assert!(matches!(read(r#"{"v":[]}"#, "v"), Err(DecodeError::NotANumber { .. })));
        let deep = "[".repeat(100_000);
        assert!(matches!(Payload::decode(deep.as_bytes()), Err(DecodeError::Json(_))));
        let deep = format!("{}1{}", "{\"m\":".repeat(10_000), "}".repeat(10_000));
        assert!(matches!(Payload::decode(deep.as_bytes()), Err(DecodeError::Json(_))));
        assert!(matches!(Payload::decode(&vec![b' '; 10 << 20]), Err(DecodeError::TooLarge(_))));
        assert!(matches!(Payload::decode(&[b'"', 0xff, 0xfe, b'"']), Err(DecodeError::Json(_))));
    }

    #[test]
    fn a_clock_that_was_never_set_is_no_clock() {
        for ts in ["0", "1700000000", "-5", "9223372036854775807", "1e300", "\"x\"", "null"] {
            let payload = Payload::decode(format!(r#"{{"v":1,"ts":{ts}}}"#).as_bytes()).unwrap();
            assert_eq!(payload.ts, None, "{ts}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(payload) = Payload::decode(&bytes) {
                let _unused = payload.reading("m.a").is_ok() || payload.reading("").is_ok();
            }
        }

        #[test]
        fn mutated_payloads_never_yield_absurd_values(at in 0usize..60, byte in any::<u8>(), cut in 0usize..60) {
            let mut bytes = br#"{"ts":1700000000000,"boot":2,"seq":7,"m":{"a":[1.5,1],"b":2}}"#.to_vec();
            if let Some(slot) = bytes.get_mut(at) { *slot = byte; }
            for end in [bytes.len(), cut.min(bytes.len())] {
                if let Ok(payload) = Payload::decode(&bytes[..end]) {
                    for path in ["m.a", "m.b", "", "v"] {
                        if let Ok(reading) = payload.reading(path) {
                            prop_assert!(reading.value.is_finite() && reading.value.abs() <= MAX_ABS_VALUE);
                        }
                    }
                }
            }
        }
    }
}
