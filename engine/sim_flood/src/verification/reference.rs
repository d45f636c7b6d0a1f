//! A one-dimensional solver that shares no code with the kernel: the reference for flows without a closed solution.
//!
//! Shallow water over a plane bed in a plane or radial frame: MUSCL with minmod slopes of depth and velocity, HLL fluxes
//! with the wave speeds of Davis 1988, Heun's method in time (Shu and Osher 1988), friction of Manning point-implicit.

/// Depth below which the reference counts a cell as dry, metres.
const DRY_M: f64 = 1e-9;

/// State of the reference on `h.len()` cells of `dr_m`, the first starting at 0 (a wall, or the axis).
#[derive(Debug, Clone)]
pub(super) struct Reference {
    /// Gravity, m/s2.
    pub g: f64,
    /// Manning's n, s/m^(1/3).
    pub manning: f64,
    /// Fall of the bed along the channel.
    pub slope: f64,
    /// Radius instead of a straight channel.
    pub radial: bool,
    /// Cell size, metres.
    pub dr_m: f64,
    /// Depth, metres.
    pub h: Vec<f64>,
    /// Discharge per metre of width, m2/s.
    pub q: Vec<f64>,
}

fn minmod(a: f64, b: f64) -> f64 {
    if a * b <= 0.0 {
        0.0
    } else if a.abs() < b.abs() {
        a
    } else {
        b
    }
}

fn velocity(h: f64, q: f64) -> f64 {
    if h > DRY_M { q / h } else { 0.0 }
}

impl Reference {
    /// Still water of the given depth at each cell centre.
    pub(super) fn still(g: f64, dr_m: f64, cells: usize, depth: impl Fn(f64) -> f64) -> Self {
        let h = (0..cells).map(|i| depth((i as f64 + 0.5) * dr_m)).collect();
        Self { g, manning: 0.0, slope: 0.0, radial: false, dr_m, h, q: vec![0.0; cells] }
    }

    /// Advances to `t_s` from 0 at a Courant number of 0.4.
    pub(super) fn run(&mut self, t_s: f64) {
        self.run_with_rain(t_s, |_, _| 0.0);
    }

    /// As [`Self::run`], with rain in m/s at (metres, seconds), taken in the middle of each step.
    pub(super) fn run_with_rain(&mut self, t_s: f64, rain: impl Fn(f64, f64) -> f64) {
        let mut t = 0.0;
        while t < t_s {
            let wave = |(h, q): (&f64, &f64)| velocity(*h, *q).abs() + (self.g * h).sqrt();
            let fastest = self.h.iter().zip(&self.q).map(wave).fold(1e-9, f64::max);
            let dt = (0.4 * self.dr_m / fastest).min(t_s - t);
            let (h0, q0) = (self.h.clone(), self.q.clone());
            let fallen: Vec<f64> =
                (0..self.h.len()).map(|i| dt * rain((i as f64 + 0.5) * self.dr_m, t + 0.5 * dt)).collect();
            self.stage(dt, &fallen);
            self.stage(dt, &fallen);
            for (now, before) in self.h.iter_mut().zip(&h0).chain(self.q.iter_mut().zip(&q0)) {
                *now = 0.5 * (*now + before);
            }
            t += dt;
        }
    }

    /// Depth at `x` metres, linear between cell centres.
    pub(super) fn depth_at(&self, x: f64) -> f64 {
        let s = (x / self.dr_m - 0.5).clamp(0.0, (self.h.len() - 1) as f64);
        let k = (s as usize).min(self.h.len() - 2);
        self.h[k] + (self.h[k + 1] - self.h[k]) * (s - k as f64)
    }

    /// One explicit Euler step with the rain of the step in metres.
    fn stage(&mut self, dt: f64, rain_m: &[f64]) {
        let n = self.h.len();
        let u: Vec<f64> = self.h.iter().zip(&self.q).map(|(h, q)| velocity(*h, *q)).collect();
        let slope = |f: &[f64], i: usize| {
            if i == 0 || i + 1 == n { 0.0 } else { 0.5 * minmod(f[i] - f[i - 1], f[i + 1] - f[i]) }
        };
        let (dh, du): (Vec<f64>, Vec<f64>) = (0..n).map(|i| (slope(&self.h, i), slope(&u, i))).unzip();
        let mut flux = Vec::with_capacity(n + 1);
        flux.push(self.hll([self.h[0], -u[0]], [self.h[0], u[0]]));
        for i in 1..n {
            let west = [self.h[i - 1] + dh[i - 1], u[i - 1] + du[i - 1]];
            flux.push(self.hll(west, [self.h[i] - dh[i], u[i] - du[i]]));
        }
        flux.push(self.hll([self.h[n - 1], u[n - 1]], [self.h[n - 1], u[n - 1]]));
        for i in 0..n {
            let lam = dt / self.dr_m;
            let spread = if self.radial { dt / ((i as f64 + 0.5) * self.dr_m) } else { 0.0 };
            let (h, q) = (self.h[i], self.q[i]);
            self.h[i] = (h - lam * (flux[i + 1][0] - flux[i][0]) - spread * q).max(0.0) + rain_m[i];
            self.q[i] = q - lam * (flux[i + 1][1] - flux[i][1]) - spread * q * u[i];
            self.q[i] += dt * self.g * h * self.slope;
            if self.h[i] <= DRY_M {
                self.q[i] = 0.0;
            } else if self.manning > 0.0 {
                let drag = self.g * self.manning.powi(2) * velocity(self.h[i], self.q[i]).abs();
                self.q[i] /= 1.0 + dt * drag / self.h[i].powf(4.0 / 3.0);
            }
        }
    }

    /// HLL flux of mass and momentum between states (depth, velocity).
    fn hll(&self, [hl, ul]: [f64; 2], [hr, ur]: [f64; 2]) -> [f64; 2] {
        let (cl, cr) = ((self.g * hl).sqrt(), (self.g * hr).sqrt());
        if hl <= DRY_M && hr <= DRY_M {
            return [0.0, 0.0];
        }
        let slow = if hl <= DRY_M { ur - 2.0 * cr } else { (ul - cl).min(ur - cr) };
        let fast = if hr <= DRY_M { ul + 2.0 * cl } else { (ul + cl).max(ur + cr) };
        let side = |h: f64, u: f64| [h * u, h * u * u + 0.5 * self.g * h * h];
        let (fl, fr) = (side(hl, ul), side(hr, ur));
        if slow >= 0.0 {
            return fl;
        }
        if fast <= 0.0 {
            return fr;
        }
        let jump = [hr - hl, hr * ur - hl * ul];
        [0, 1].map(|k| (fast * fl[k] - slow * fr[k] + slow * fast * jump[k]) / (fast - slow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference itself against Ritter's and Stoker's exact plateau.
    #[test]
    fn the_reference_meets_exact_dam_breaks() {
        let g = 9.81;
        let mut dry = Reference::still(g, 0.5, 2000, |x| if x < 500.0 { 10.0 } else { 0.0 });
        dry.run(15.0);
        let c = (g * 10.0_f64).sqrt();
        let worst = (0..60)
            .map(|k| {
                let x = -140.0 + 6.0 * f64::from(k);
                (dry.depth_at(500.0 + x) - (2.0 * c - x / 15.0).powi(2) / (9.0 * g)).abs()
            })
            .fold(0.0, f64::max);
        assert!(worst < 0.05, "{worst}");
        let mut wet = Reference::still(g, 0.5, 2000, |x| if x < 500.0 { 10.0 } else { 1.0 });
        wet.run(15.0);
        // Stoker's plateau for 10 m to 1 m is 3.9618 m deep.
        assert!((wet.depth_at(560.0) - 3.9618).abs() < 1e-3, "{}", wet.depth_at(560.0));
    }
}
