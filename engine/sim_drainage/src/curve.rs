//! Piecewise linear curves and time series.

use serde::{Deserialize, Serialize};

/// Points (x, y) with increasing x; straight between them, constant outside.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Curve(Vec<(f64, f64)>);

impl Curve {
    /// Accepts one point or more, finite, x strictly increasing.
    ///
    /// # Errors
    /// A readable reason.
    pub fn new(points: Vec<(f64, f64)>) -> Result<Self, String> {
        if points.is_empty() {
            return Err("no points; allowed: one or more".into());
        }
        for (k, p) in points.iter().enumerate() {
            if !(p.0.is_finite() && p.1.is_finite()) {
                return Err(format!("point {} = ({}, {}); allowed: finite numbers", k + 1, p.0, p.1));
            }
        }
        match points.windows(2).position(|w| w[1].0 <= w[0].0) {
            Some(k) => Err(format!("x = {} after {}; allowed: increasing values", points[k + 1].0, points[k].0)),
            None => Ok(Self(points)),
        }
    }

    /// The points.
    #[must_use]
    pub fn points(&self) -> &[(f64, f64)] {
        &self.0
    }

    /// Value and slope at x; outside the points the slope is 0.
    #[must_use]
    pub fn at(&self, x: f64) -> (f64, f64) {
        let after = self.0.partition_point(|p| p.0 <= x);
        match (after.checked_sub(1).and_then(|k| self.0.get(k)), self.0.get(after)) {
            (Some(a), Some(b)) => {
                let slope = (b.1 - a.1) / (b.0 - a.0);
                (a.1 + slope * (x - a.0), slope)
            }
            (Some(p), None) | (None, Some(p)) => (p.1, 0.0),
            (None, None) => (0.0, 0.0),
        }
    }

    /// The value of the first point whose x is above the argument; the last value beyond.
    #[must_use]
    pub fn step_at(&self, x: f64) -> f64 {
        let k = self.0.partition_point(|p| p.0 <= x);
        self.0.get(k).or(self.0.last()).map_or(0.0, |p| p.1)
    }
}

/// A value over time, seconds since the start of the run; straight between points.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Series {
    curve: Curve,
    /// `true`: the first and last values hold before and after; `false`: 0 there.
    pub hold: bool,
}

impl Series {
    /// A series from (time s, value) points.
    ///
    /// # Errors
    /// A readable reason; see [`Curve::new`].
    pub fn new(points: Vec<(f64, f64)>, hold: bool) -> Result<Self, String> {
        Ok(Self { curve: Curve::new(points)?, hold })
    }

    /// One value at all times.
    #[must_use]
    pub fn constant(value: f64) -> Self {
        Self { curve: Curve(vec![(0.0, value)]), hold: true }
    }

    /// The points.
    #[must_use]
    pub fn points(&self) -> &[(f64, f64)] {
        self.curve.points()
    }

    /// Value at a time.
    #[must_use]
    pub fn at(&self, t_s: f64) -> f64 {
        let p = self.points();
        let inside = p.first().is_some_and(|a| t_s >= a.0) && p.last().is_some_and(|b| t_s <= b.0);
        if self.hold || inside { self.curve.at(t_s).0 } else { 0.0 }
    }

    /// Integral over `[t0, t1]` (exact for the polyline).
    #[must_use]
    pub fn integral(&self, t0_s: f64, t1_s: f64) -> f64 {
        let p = self.points();
        let (Some(first), Some(last)) = (p.first(), p.last()) else { return 0.0 };
        let (t0, t1) = if self.hold { (t0_s, t1_s) } else { (t0_s.max(first.0), t1_s.min(last.0)) };
        if t1 <= t0 {
            return 0.0;
        }
        let mut sum = 0.0;
        let (mut t, mut v) = (t0, self.curve.at(t0).0);
        for &(tp, vp) in &p[p.partition_point(|q| q.0 <= t0)..] {
            if tp >= t1 {
                break;
            }
            sum += 0.5 * (v + vp) * (tp - t);
            (t, v) = (tp, vp);
        }
        sum + 0.5 * (v + self.curve.at(t1).0) * (t1 - t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_slopes_and_steps() {
        let c = Curve::new(vec![(1.0, 10.0), (3.0, 30.0)]).unwrap();
        assert_eq!((c.at(0.0), c.at(2.0), c.at(9.0)), ((10.0, 0.0), (20.0, 10.0), (30.0, 0.0)));
        assert_eq!((c.step_at(0.5), c.step_at(1.5), c.step_at(9.0)), (10.0, 30.0, 30.0));
        assert!(Curve::new(vec![(1.0, 0.0), (1.0, 1.0)]).unwrap_err().contains("increasing"));
        assert!(Curve::new(vec![(f64::NAN, 0.0)]).is_err() && Curve::new(vec![]).is_err());
    }

    #[test]
    fn integrals_of_series() {
        let s = Series::new(vec![(0.0, 0.0), (10.0, 10.0), (20.0, 0.0)], false).unwrap();
        assert!((s.integral(-5.0, 30.0) - 100.0).abs() < 1e-12);
        assert!((s.integral(5.0, 15.0) - 75.0).abs() < 1e-12);
        assert_eq!((s.at(25.0), s.at(5.0)), (0.0, 5.0));
        let h = Series::new(vec![(10.0, 2.0)], true).unwrap();
        assert!((h.integral(0.0, 5.0) - 10.0).abs() < 1e-12);
        assert_eq!(Series::constant(3.0).integral(0.0, 4.0), 12.0);
    }
}
