//! What is remembered of every cell while a run goes on, beside what the kernel remembers itself.
//!
//! The kernel keeps the greatest depth, the greatest depth × speed and the first wetting of (nearly) every step. Here are
//! the quantities that need depth and speed of one moment, seen at sample times.

use crate::hazard::hazard_rating;
use sim_core::{ByteReader, ByteWriter, SnapshotError};

/// Depths of which the time above is kept, m: a kerb, a car's limit, a fire engine's limit.
pub const ABOVE_M: [f32; 3] = [0.15, 0.3, 0.5];

/// Longest time between two samples, s.
pub const SAMPLE_S: f64 = 30.0;

/// Water thinner than this is a film whose speed says nothing, m.
pub const FILM_M: f32 = 0.05;

/// Per-cell memory of a run, filled by [`Tracks::sample`].
#[derive(Debug, Clone, PartialEq)]
pub struct Tracks {
    last_s: Option<f64>,
    last_depth_m: Vec<f32>,
    /// Seconds above each of [`ABOVE_M`].
    pub above_s: [Vec<f32>; 3],
    /// Greatest speed in water deeper than [`FILM_M`], m/s.
    pub max_speed_mps: Vec<f32>,
    /// Greatest hazard rating in water deeper than [`FILM_M`] (see [`hazard_rating`]).
    pub max_rating: Vec<f32>,
}

impl Tracks {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(cells: usize) -> Self {
        let zeros = || vec![0.0; cells];
        Self {
            last_s: None,
            last_depth_m: zeros(),
            above_s: [zeros(), zeros(), zeros()],
            max_speed_mps: zeros(),
            max_rating: zeros(),
        }
    }

    /// Takes in depth (m) and speed (m/s) of every cell at `t_s`; times must not fall. Between samples the depth is taken as
    /// linear.
    pub fn sample(&mut self, t_s: f64, depth_m: &[f32], speed_mps: &[f32]) {
        let dt_s = self.last_s.map_or(0.0, |last| (t_s - last).max(0.0)) as f32;
        for (k, (&depth, &speed)) in depth_m.iter().zip(speed_mps).enumerate() {
            let before = self.last_depth_m[k];
            if before.max(depth) > FILM_M {
                for (above, limit) in self.above_s.iter_mut().zip(ABOVE_M) {
                    above[k] += share_above(before, depth, limit) * dt_s;
                }
            }
            if depth > FILM_M {
                self.max_speed_mps[k] = self.max_speed_mps[k].max(speed);
                let rating = hazard_rating(f64::from(depth), f64::from(speed)) as f32;
                self.max_rating[k] = self.max_rating[k].max(rating);
            }
        }
        self.last_depth_m.copy_from_slice(depth_m);
        self.last_s = Some(t_s);
    }

    pub(crate) fn write(&self, w: &mut ByteWriter) {
        w.f64(self.last_s.unwrap_or(f64::NAN));
        for field in self.fields() {
            w.f32s(field);
        }
    }

    /// Reads what [`Tracks::write`] wrote for `cells` cells.
    pub(crate) fn read(r: &mut ByteReader<'_>, cells: usize) -> Result<Self, SnapshotError> {
        let mut tracks = Self::new(cells);
        let last_s = r.f64("tracks: last sample")?;
        tracks.last_s = last_s.is_finite().then_some(last_s);
        for field in tracks.fields_mut() {
            let values = r.f32s("tracks")?;
            if values.len() != cells {
                let value = format!("{} values", values.len());
                return Err(SnapshotError::BadValue { field: "tracks", value, allowed: "one value per cell" });
            }
            *field = values;
        }
        Ok(tracks)
    }

    fn fields(&self) -> [&Vec<f32>; 6] {
        let [a, b, c] = &self.above_s;
        [&self.last_depth_m, a, b, c, &self.max_speed_mps, &self.max_rating]
    }

    fn fields_mut(&mut self) -> [&mut Vec<f32>; 6] {
        let [a, b, c] = &mut self.above_s;
        [&mut self.last_depth_m, a, b, c, &mut self.max_speed_mps, &mut self.max_rating]
    }
}

/// Share of an interval, 0 to 1, in which a value that goes linearly from `a` to `b` is above `limit`.
fn share_above(a: f32, b: f32, limit: f32) -> f32 {
    match (a > limit, b > limit) {
        (true, true) => 1.0,
        (false, false) => 0.0,
        _ => ((a.max(b) - limit) / (b - a).abs()).clamp(0.0, 1.0),
    }
}

/// Speeds from velocity components, m/s.
#[must_use]
pub(crate) fn speeds(u_mps: &[f32], v_mps: &[f32]) -> Vec<f32> {
    // Not `hypot`: its last bit differs between platforms.
    u_mps.iter().zip(v_mps).map(|(u, v)| (u * u + v * v).sqrt()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_above_a_depth_is_that_of_the_straight_line_between_samples() {
        let mut tracks = Tracks::new(2);
        let none = [0.0, 0.0];
        tracks.sample(100.0, &[0.0, 0.0], &none);
        tracks.sample(110.0, &[0.6, 0.1], &none);
        tracks.sample(120.0, &[0.6, 0.1], &none);
        tracks.sample(130.0, &[0.0, 0.1], &none);
        // Rises and falls through 0.15 m after a quarter, 0.3 m after a half, 0.5 m after five sixths of 10 s.
        let wanted = [7.5 + 10.0 + 7.5, 5.0 + 10.0 + 5.0, 10.0 / 6.0 + 10.0 + 10.0 / 6.0];
        for (above, wanted) in tracks.above_s.iter().zip(wanted) {
            assert!((above[0] - wanted).abs() < 1e-4, "{} {wanted}", above[0]);
            assert_eq!(above[1], 0.0);
        }
    }

    #[test]
    fn films_have_no_speed_and_no_rating() {
        let mut tracks = Tracks::new(2);
        tracks.sample(0.0, &[0.04, 0.5], &[3.0, 1.0]);
        assert_eq!(tracks.max_speed_mps, [0.0, 1.0]);
        assert_eq!((tracks.max_rating[0], tracks.max_rating[1]), (0.0, 1.75));
    }

    #[test]
    fn tracks_read_back() {
        let mut tracks = Tracks::new(3);
        tracks.sample(0.0, &[0.4; 3], &[1.0; 3]);
        tracks.sample(9.0, &[0.2; 3], &[2.0; 3]);
        let mut w = ByteWriter::new(*b"testtrak");
        tracks.write(&mut w);
        let bytes = w.finish();
        let read = |n| Tracks::read(&mut ByteReader::new(&bytes, *b"testtrak", "test").unwrap(), n);
        assert_eq!(read(3).unwrap(), tracks);
        assert!(read(4).is_err());
    }
}
