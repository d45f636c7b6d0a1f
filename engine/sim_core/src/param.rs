//! Parameter validation with one clear message.

use thiserror::Error;

/// A parameter outside its range.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{name} = {value} {unit}; allowed: {allowed}")]
pub struct ParamError {
    /// Parameter name as the user writes it.
    pub name: String,
    /// Value given, as text.
    pub value: String,
    /// Unit of the value; `-` for a plain number.
    pub unit: &'static str,
    /// Allowed range, readable.
    pub allowed: String,
}

impl ParamError {
    /// Builds the error from its four parts.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl ToString, unit: &'static str, allowed: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.to_string(), unit, allowed: allowed.into() }
    }
}

/// Accepts `value` when it is finite and inside `[low, high]`.
///
/// # Errors
/// [`ParamError`] naming the parameter, the value, its unit and the range.
pub fn check_range(name: &str, value: f64, unit: &'static str, low: f64, high: f64) -> Result<f64, ParamError> {
    if value.is_finite() && value >= low && value <= high {
        Ok(value)
    } else {
        Err(ParamError::new(name, value, unit, format!("{low} to {high}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_value_unit_and_range() {
        let e = check_range("cfl", 3.0, "-", 0.05, 0.5).unwrap_err();
        assert_eq!(e.to_string(), "cfl = 3 -; allowed: 0.05 to 0.5");
        assert!(check_range("cfl", f64::NAN, "-", 0.05, 0.5).is_err());
        assert_eq!(check_range("cfl", 0.4, "-", 0.05, 0.5), Ok(0.4));
    }
}
