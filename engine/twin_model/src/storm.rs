//! Design storms (设计暴雨) from a city's storm intensity formula (暴雨强度公式).

use serde::{Deserialize, Serialize};

/// A storm of the Chicago type (芝加哥雨型; Keifer and Chu 1957, J. Hydraul. Div. 83(4)): for every duration d up to its own, its wettest
/// d minutes hold the depth that the intensity formula gives for d.
///
/// Formula of GB 50014-2021, 4.1.9, as depth per time: i = A1 (1 + C lg P) / (t + b)^n, mm/min, with t in minutes and P in
/// years (in L/(s·ha): q = 167 i). Every city publishes its own four numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct DesignStorm {
    /// Return period P (重现期), years in [0.25, 1000].
    pub return_period_a: f64,
    /// Duration, min in [5, 1440].
    pub duration_min: f64,
    /// Position of the peak r (雨峰系数), share of the duration in [0.05, 0.95].
    pub peak_ratio: f64,
    /// A1, mm/min · min^n in [0.1, 200].
    pub a1_mm: f64,
    /// C, in [0, 5].
    pub c: f64,
    /// b, min in [0.5, 60].
    pub b_min: f64,
    /// n, in [0.3, 1].
    pub n: f64,
}

impl Default for DesignStorm {
    /// Fifty years, two hours, peak at 0.4, and as an example the formula often quoted for Beijing, q = 2001 (1 + 0.811 lg P) /
    /// (t + 8)^0.711 L/(s·ha). Put in the numbers that are in force where the community lies.
    fn default() -> Self {
        Self {
            return_period_a: 50.0,
            duration_min: 120.0,
            peak_ratio: 0.4,
            a1_mm: 2001.0 / 167.0,
            c: 0.811,
            b_min: 8.0,
            n: 0.711,
        }
    }
}

/// Length of a step of the hyetograph, seconds.
const STEP_S: f64 = 60.0;

impl DesignStorm {
    /// Each number with its name and range: (name, value, lowest, highest, unit).
    #[must_use]
    pub fn ranges(&self) -> [(&'static str, f64, f64, f64, &'static str); 7] {
        [
            ("return_period_a", self.return_period_a, 0.25, 1000.0, "a"),
            ("duration_min", self.duration_min, 5.0, 1440.0, "min"),
            ("peak_ratio", self.peak_ratio, 0.05, 0.95, ""),
            ("a1_mm", self.a1_mm, 0.1, 200.0, "mm"),
            ("c", self.c, 0.0, 5.0, ""),
            ("b_min", self.b_min, 0.5, 60.0, "min"),
            ("n", self.n, 0.3, 1.0, ""),
        ]
    }

    /// Greatest depth that falls within `minutes`, mm: mean intensity of the formula times the duration.
    #[must_use]
    pub fn depth_in_mm(&self, minutes: f64) -> f64 {
        let a = self.a1_mm * (1.0 + self.c * libm::log10(self.return_period_a));
        a.max(0.0) * minutes / libm::pow(minutes + self.b_min, self.n)
    }

    /// Depth of the whole storm, mm.
    #[must_use]
    pub fn total_mm(&self) -> f64 {
        self.depth_in_mm(self.duration_min)
    }

    /// Depth fallen `minutes` after the start, mm.
    fn fallen_mm(&self, minutes: f64) -> f64 {
        let (r, before) = (self.peak_ratio, self.peak_ratio * self.duration_min);
        if minutes <= before {
            r * (self.total_mm() - self.depth_in_mm(self.duration_min - minutes / r))
        } else {
            let after = (minutes.min(self.duration_min) - before) / (1.0 - r);
            r * self.total_mm() + (1.0 - r) * self.depth_in_mm(after)
        }
    }

    /// The storm as (seconds from its start, mm/h): the mean rate of each minute, held until the next; the last is 0.
    #[must_use]
    pub fn hyetograph(&self) -> Vec<(f64, f64)> {
        let end_s = self.duration_min * 60.0;
        let steps = (end_s / STEP_S).ceil() as usize;
        let mut points: Vec<(f64, f64)> = (0..steps)
            .map(|k| {
                let (from, to) = (k as f64 * STEP_S, ((k + 1) as f64 * STEP_S).min(end_s));
                let depth = self.fallen_mm(to / 60.0) - self.fallen_mm(from / 60.0);
                (from, depth.max(0.0) * 3600.0 / (to - from))
            })
            .collect();
        points.push((end_s, 0.0));
        points
    }

    /// Rate of the wettest minute, mm/h.
    #[must_use]
    pub fn peak_mmph(&self) -> f64 {
        self.hyetograph().iter().map(|p| p.1).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth_mm(points: &[(f64, f64)]) -> f64 {
        points.windows(2).map(|w| w[0].1 * (w[1].0 - w[0].0) / 3600.0).sum()
    }

    #[test]
    fn the_wettest_minutes_hold_what_the_formula_says() {
        let storm = DesignStorm { peak_ratio: 0.5, ..DesignStorm::default() };
        let points = storm.hyetograph();
        assert!((depth_mm(&points) - storm.total_mm()).abs() < 1e-9);
        // 2001 (1 + 0.811 lg 50) / (120 + 8)^0.711 = 151.0 L/(s·ha), 0.904 mm/min over two hours.
        assert!((storm.total_mm() - 108.5).abs() < 0.2, "{}", storm.total_mm());
        for half in [1_usize, 5, 15, 30] {
            let inside: f64 = points[60 - half..60 + half].iter().map(|p| p.1 / 60.0).sum();
            let wanted = storm.depth_in_mm(2.0 * half as f64);
            assert!((inside - wanted).abs() < 1e-9, "{half}: {inside} {wanted}");
        }
    }

    #[test]
    fn the_peak_is_where_it_was_asked_for() {
        for ratio in [0.05, 0.3, 0.4, 0.8, 0.95] {
            let storm = DesignStorm { peak_ratio: ratio, duration_min: 90.5, ..DesignStorm::default() };
            let points = storm.hyetograph();
            assert!((depth_mm(&points) - storm.total_mm()).abs() < 1e-9);
            let peak = points.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            assert!((peak.0 - ratio * 90.5 * 60.0).abs() <= 60.0, "{ratio}: {}", peak.0);
            assert!(points.iter().all(|p| p.1 >= 0.0) && points.last() == Some(&(90.5 * 60.0, 0.0)));
        }
    }
}
