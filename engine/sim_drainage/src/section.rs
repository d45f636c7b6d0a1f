//! Hydraulic tables of a cross-section.

use libm::cbrt;

/// Intervals of a table over the full depth.
const N: usize = 128;

/// Depth, m; area, m2; top width, m; hydraulic radius, m.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Flow {
    /// Flow area, m2.
    pub area_m2: f64,
    /// Width of the water surface, m: the derivative of the area.
    pub width_m: f64,
    /// Hydraulic radius, m.
    pub radius_m: f64,
}

/// A cross-section by tables over depth: area (cubic between exact values and widths), hydraulic radius (linear).
///
/// Above the full depth a closed section goes on as a slot (Preissmann slot, Cunge & Wegner 1964), an open one
/// with vertical walls.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    full_depth_m: f64,
    open: bool,
    area: Vec<f64>,
    width: Vec<f64>,
    radius: Vec<f64>,
    /// Section factor A R^(2/3) at the knots.
    factor: Vec<f64>,
    /// Flow / sqrt(g) of critical depth at the knots: A sqrt(A / T).
    critical: Vec<f64>,
    max_width_m: f64,
}

impl Section {
    /// From exact area, width and wetted perimeter at a depth.
    pub(crate) fn from_fn(full_depth_m: f64, open: bool, at: impl Fn(f64) -> (f64, f64, f64)) -> Self {
        let knots: Vec<(f64, f64, f64)> = (0..=N).map(|k| at(full_depth_m * k as f64 / N as f64)).collect();
        let area: Vec<f64> = knots.iter().map(|k| k.0).collect();
        let width: Vec<f64> = knots.iter().map(|k| k.1).collect();
        let radius: Vec<f64> = knots.iter().map(|k| if k.2 > 0.0 { k.0 / k.2 } else { 0.0 }).collect();
        let factor = area.iter().zip(&radius).map(|(a, r)| a * two_thirds(*r)).collect();
        let critical = area.iter().zip(&width).map(|(a, t)| a * (a / t.max(1e-6 * full_depth_m)).sqrt()).collect();
        let max_width_m = width.iter().fold(0.0_f64, |m, t| m.max(*t));
        Self { full_depth_m, open, area, width, radius, factor, critical, max_width_m }
    }

    /// Full depth, m.
    #[must_use]
    pub const fn full_depth_m(&self) -> f64 {
        self.full_depth_m
    }

    /// Area when full, m2.
    #[must_use]
    pub fn full_area_m2(&self) -> f64 {
        self.area[N]
    }

    /// Hydraulic radius when full, m.
    #[must_use]
    pub fn full_radius_m(&self) -> f64 {
        self.radius[N]
    }

    /// Greatest width, m.
    #[must_use]
    pub const fn max_width_m(&self) -> f64 {
        self.max_width_m
    }

    /// Whether the top is open (a channel).
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.open
    }

    fn place(&self, y_m: f64) -> (usize, f64) {
        let x = (y_m / self.full_depth_m * N as f64).clamp(0.0, N as f64);
        let k = (x as usize).min(N - 1);
        (k, x - k as f64)
    }

    /// Area, width and radius at a depth, the slot not counted.
    #[must_use]
    pub fn flow(&self, y_m: f64) -> Flow {
        if y_m <= 0.0 {
            return Flow { area_m2: 0.0, width_m: self.width[0], radius_m: 0.0 };
        }
        if y_m >= self.full_depth_m {
            let (area_m2, width_m) = if self.open {
                (self.area[N] + self.width[N] * (y_m - self.full_depth_m), self.width[N])
            } else {
                (self.area[N], 0.0)
            };
            return Flow { area_m2, width_m, radius_m: self.radius[N] };
        }
        let (k, t) = self.place(y_m);
        let (area_m2, width_m) = self.hermite(k, t);
        Flow { area_m2, width_m, radius_m: self.radius[k] + t * (self.radius[k + 1] - self.radius[k]) }
    }

    /// Cubic between knots k and k + 1 with the widths as slopes; value and derivative.
    fn hermite(&self, k: usize, t: f64) -> (f64, f64) {
        let h = self.full_depth_m / N as f64;
        let (a, b, m, n) = (self.area[k], self.area[k + 1], h * self.width[k], h * self.width[k + 1]);
        let d = b - a;
        // a + m t + (3d - 2m - n) t^2 + (m + n - 2d) t^3
        let (c2, c3) = (3.0 * d - 2.0 * m - n, m + n - 2.0 * d);
        (a + t * (m + t * (c2 + t * c3)), (m + t * (2.0 * c2 + t * 3.0 * c3)) / h)
    }

    /// Area and width for storage: like [`Section::flow`], but a closed section goes on above its crown as a slot of
    /// the given width.
    pub(crate) fn storage(&self, y_m: f64, slot_m: f64) -> (f64, f64) {
        if y_m <= 0.0 {
            (0.0, 0.0)
        } else if y_m >= self.full_depth_m {
            let w = if self.open { self.width[N] } else { slot_m };
            (self.area[N] + w * (y_m - self.full_depth_m), w)
        } else {
            let (k, t) = self.place(y_m);
            let (a, w) = self.hermite(k, t);
            (a, w.max(if self.open { 0.0 } else { slot_m }))
        }
    }

    /// A R^(2/3), m^(8/3), and its derivative with depth.
    pub(crate) fn section_factor(&self, y_m: f64) -> (f64, f64) {
        let (k, t) = self.place(y_m);
        let d = self.factor[k + 1] - self.factor[k];
        let inside = y_m > 0.0 && y_m < self.full_depth_m;
        (self.factor[k] + t * d, if inside { d.max(0.0) * N as f64 / self.full_depth_m } else { 0.0 })
    }

    /// Depth at which A R^(2/3) first reaches `factor`; full depth when it never does.
    pub(crate) fn depth_of_factor(&self, factor: f64) -> f64 {
        self.invert(&self.factor, factor, |y| {
            let f = self.flow(y);
            f.area_m2 * two_thirds(f.radius_m)
        })
    }

    /// Critical depth, m, of `q_over_root_g` = Q / sqrt(g): A^3 / T = Q^2 / g. Full depth when it never is.
    pub(crate) fn critical_depth(&self, q_over_root_g: f64) -> f64 {
        self.invert(&self.critical, q_over_root_g, |y| {
            let f = self.flow(y);
            f.area_m2 * (f.area_m2 / f.width_m.max(1e-6 * self.full_depth_m)).sqrt()
        })
    }

    /// Smallest depth whose value is `want`: the interval from the table, then regula falsi on the function itself.
    fn invert(&self, table: &[f64], want: f64, value: impl Fn(f64) -> f64) -> f64 {
        if want <= 0.0 {
            return 0.0;
        }
        let Some(k) = table.iter().position(|v| *v >= want) else { return self.full_depth_m };
        let Some(k) = k.checked_sub(1) else { return 0.0 };
        let h = self.full_depth_m / N as f64;
        let (mut lo, mut hi) = (h * k as f64, h * (k + 1) as f64);
        let (mut flo, mut fhi) = (table[k] - want, table[k + 1] - want);
        for _ in 0..12 {
            if fhi - flo <= 0.0 {
                break;
            }
            let mid = lo + (hi - lo) * (-flo / (fhi - flo)).clamp(0.05, 0.95);
            let f = value(mid) - want;
            if f >= 0.0 { (hi, fhi) = (mid, f) } else { (lo, flo) = (mid, f) }
        }
        hi
    }
}

/// x^(2/3) with the same bits on every machine.
pub(crate) fn two_thirds(x: f64) -> f64 {
    let c = cbrt(x);
    c * c
}
