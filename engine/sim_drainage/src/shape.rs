//! Shapes of conduits.

use serde::{Deserialize, Serialize};
use std::f64::consts::PI;

use crate::error::{bad, check};
use crate::{Curve, DrainageError, Section};

/// Shape of a conduit. Lengths in metres.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Shape {
    /// Circular pipe (圆管).
    Circular {
        /// Diameter, m.
        diameter_m: f64,
    },
    /// Box culvert (箱涵).
    RectClosed {
        /// Clear height, m.
        height_m: f64,
        /// Clear width, m.
        width_m: f64,
    },
    /// Open rectangular channel (明渠).
    RectOpen {
        /// Height of the walls, m.
        height_m: f64,
        /// Width, m.
        width_m: f64,
    },
    /// Open trapezoidal channel; with a bottom width of 0 a triangle.
    Trapezoidal {
        /// Full depth, m.
        height_m: f64,
        /// Width of the bottom, m.
        bottom_m: f64,
        /// Slopes of the two sides, horizontal to vertical.
        side_slopes: [f64; 2],
    },
    /// Standard egg (蛋形) with width : height = 2 : 3, three arcs (DIN 4263).
    Egg {
        /// Height, m.
        height_m: f64,
    },
    /// Closed shape by a curve: depth / height (0 to 1) to width / height.
    Custom {
        /// Height, m.
        height_m: f64,
        /// Relative depth to relative width; the curve must start at 0 and end at 1.
        width: Curve,
    },
}

impl Shape {
    /// Checks the sizes and builds the hydraulic tables.
    ///
    /// # Errors
    /// [`DrainageError::Item`] naming the conduit and the size.
    pub fn section(&self, name: &str) -> Result<Section, DrainageError> {
        let size = |field, v: f64| check("cross-section of", name, field, v, 0.01, 200.0);
        match self {
            Self::Circular { diameter_m: d } => {
                size("diameter", *d)?;
                let d = *d;
                Ok(Section::from_fn(d, false, |y| circle(d, y)))
            }
            Self::RectClosed { height_m: h, width_m: b } => {
                size("height", *h)?;
                size("width", *b)?;
                let (h, b) = (*h, *b);
                // The roof counts as wetted when full.
                Ok(Section::from_fn(h, false, |y| (b * y, b, b + 2.0 * y + if y >= h { b } else { 0.0 })))
            }
            Self::RectOpen { height_m: h, width_m: b } => {
                size("height", *h)?;
                size("width", *b)?;
                let b = *b;
                Ok(Section::from_fn(*h, true, |y| (b * y, b, b + 2.0 * y)))
            }
            Self::Trapezoidal { height_m: h, bottom_m: b, side_slopes: s } => {
                size("height", *h)?;
                check("cross-section of", name, "bottom width", *b, 0.0, 200.0)?;
                for v in s {
                    check("cross-section of", name, "side slope", *v, 0.0, 1000.0)?;
                }
                if *b + s[0] + s[1] <= 0.0 {
                    return Err(bad("cross-section of", name, "bottom width", b, "above 0 when both sides are vertical"));
                }
                let (b, m) = (*b, s[0] + s[1]);
                let wet = (1.0 + s[0] * s[0]).sqrt() + (1.0 + s[1] * s[1]).sqrt();
                Ok(Section::from_fn(*h, true, |y| (y * (b + 0.5 * m * y), b + m * y, b + wet * y)))
            }
            Self::Egg { height_m: h } => {
                size("height", *h)?;
                let h = *h;
                Ok(by_half_width(h, move |y| egg_half_width(h, y)))
            }
            Self::Custom { height_m: h, width } => {
                size("height", *h)?;
                custom(name, *h, width)
            }
        }
    }
}

/// Area, width, wetted perimeter of a circle of diameter d at depth y (any hydraulics book).
fn circle(d: f64, y: f64) -> (f64, f64, f64) {
    if y <= 0.0 {
        return (0.0, 0.0, 0.0);
    }
    if y >= d {
        return (0.25 * PI * d * d, 0.0, PI * d);
    }
    let theta = 2.0 * libm::acos(1.0 - 2.0 * y / d);
    let area = 0.125 * d * d * (theta - libm::sin(theta));
    (area, 2.0 * (y * (d - y)).sqrt(), 0.5 * d * theta)
}

/// Half width of the standard egg: top circle of radius r = h/3 about 2r above the bottom, sides of radius 3r, bottom
/// circle of radius r/2; the arcs meet 0.2 r above the bottom.
fn egg_half_width(h: f64, y: f64) -> f64 {
    let r = h / 3.0;
    let root = |x: f64| x.max(0.0).sqrt();
    if y < 0.2 * r {
        root(0.25 * r * r - (y - 0.5 * r) * (y - 0.5 * r))
    } else if y < 2.0 * r {
        root(9.0 * r * r - (y - 2.0 * r) * (y - 2.0 * r)) - 2.0 * r
    } else {
        root(r * r - (y - 2.0 * r) * (y - 2.0 * r))
    }
}

/// Tables of a symmetric closed shape, integrated over thin slices.
fn by_half_width(h: f64, half: impl Fn(f64) -> f64) -> Section {
    const SLICES: usize = 128 * 32;
    let mut sums = Vec::with_capacity(SLICES + 1);
    let (mut area, mut wet) = (0.0, 2.0 * half(0.0));
    sums.push((0.0, wet));
    let dy = h / SLICES as f64;
    for k in 0..SLICES {
        let (a, m, b) = (half(k as f64 * dy), half((k as f64 + 0.5) * dy), half((k + 1) as f64 * dy));
        // Simpson's rule for the area, two chords a side for the wall.
        area += dy / 3.0 * (a + 4.0 * m + b);
        let chord = |u: f64, v: f64| (0.25 * dy * dy + (v - u) * (v - u)).sqrt();
        wet += 2.0 * (chord(a, m) + chord(m, b));
        sums.push((area, wet));
    }
    let roof = 2.0 * half(h);
    Section::from_fn(h, false, |y| {
        let k = ((y / dy).round() as usize).min(SLICES);
        let (a, p) = sums[k];
        (a, if k == SLICES { roof } else { 2.0 * half(y) }, p + if k == SLICES { roof } else { 0.0 })
    })
}

fn custom(name: &str, h: f64, width: &Curve) -> Result<Section, DrainageError> {
    let p = width.points();
    let ends = p.first().is_some_and(|a| a.0 == 0.0) && p.last().is_some_and(|b| b.0 == 1.0);
    if !ends || p.len() < 2 {
        return Err(bad("cross-section of", name, "shape curve", p.len(), "points from depth 0 to depth 1"));
    }
    if let Some(q) = p.iter().find(|q| q.1 < 0.0) {
        return Err(bad("cross-section of", name, "width of the shape curve", q.1, "0 or more"));
    }
    let inner = &p[1..p.len() - 1];
    if inner.iter().any(|q| q.1 <= 0.0) || (inner.is_empty() && p[0].1 + p[1].1 <= 0.0) {
        return Err(bad("cross-section of", name, "width of the shape curve", 0, "above 0 between bottom and top"));
    }
    let curve = width.clone();
    Ok(by_half_width(h, move |y| 0.5 * h * curve.at(y / h).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        let c = Shape::Circular { diameter_m: 2.0 }.section("c").unwrap();
        let half = c.flow(1.0);
        assert!((half.area_m2 - 0.5 * PI).abs() < 1e-12 && (half.width_m - 2.0).abs() < 1e-12);
        assert!((half.radius_m - 0.5).abs() < 1e-12 && (c.full_area_m2() - PI).abs() < 1e-12);
        // Egg: A = 4.594 r^2, P = 7.930 r (DIN 4263 gives 1.149 and 3.965 for r = w / 2).
        let e = Shape::Egg { height_m: 3.0 }.section("e").unwrap();
        assert!((e.full_area_m2() - 4.594).abs() < 2e-3, "{}", e.full_area_m2());
        assert!((e.full_area_m2() / e.full_radius_m() - 7.930).abs() < 5e-3);
        assert!((e.max_width_m() - 2.0).abs() < 1e-3);
        let t = Shape::Trapezoidal { height_m: 2.0, bottom_m: 1.0, side_slopes: [1.0, 2.0] }.section("t").unwrap();
        assert!((t.flow(1.0).area_m2 - 2.5).abs() < 1e-12 && (t.flow(1.0).width_m - 4.0).abs() < 1e-12);
        let box_curve = Curve::new(vec![(0.0, 2.0), (1.0, 2.0)]).unwrap();
        let k = Shape::Custom { height_m: 1.5, width: box_curve }.section("k").unwrap();
        assert!((k.full_area_m2() - 4.5).abs() < 1e-9 && (k.full_radius_m() - 4.5 / 9.0).abs() < 1e-9);
    }

    #[test]
    fn area_grows_and_its_slope_is_the_width() {
        for shape in [
            Shape::Circular { diameter_m: 1.0 },
            Shape::Egg { height_m: 1.2 },
            Shape::RectClosed { height_m: 1.0, width_m: 0.7 },
            Shape::Trapezoidal { height_m: 1.0, bottom_m: 0.0, side_slopes: [1.5, 1.5] },
        ] {
            let s = shape.section("s").unwrap();
            let h = s.full_depth_m();
            let mut last = -1.0;
            for k in 0..=4000 {
                let y = 1.1 * h * f64::from(k) / 4000.0;
                let (a, w) = s.storage(y, 1e-3);
                assert!(a >= last && w >= 0.0, "{shape:?} at {y}");
                last = a;
            }
            for y in [0.111, 0.52, 0.83] {
                let (d, f) = (1e-6, |y: f64| s.flow(y).area_m2);
                let slope = (f(y * h + d) - f(y * h - d)) / (2.0 * d);
                assert!((slope - s.flow(y * h).width_m).abs() < 1e-4 * s.max_width_m());
            }
            // Critical and normal depth invert their functions.
            let f = s.flow(0.4 * h);
            let yc = s.critical_depth(f.area_m2 * (f.area_m2 / f.width_m).sqrt());
            assert!((yc / h - 0.4).abs() < 1e-5, "{shape:?} {yc}");
            let yn = s.depth_of_factor(s.section_factor(0.4 * h).0);
            assert!((yn / h - 0.4).abs() < 1e-3, "{shape:?} {yn}");
        }
    }

    #[test]
    fn bad_sizes_are_named() {
        let e = Shape::Circular { diameter_m: -1.0 }.section("C7").unwrap_err().to_string();
        assert_eq!(e, "cross-section of `C7`: diameter = -1; allowed: 0.01 to 200");
        let t = Shape::Trapezoidal { height_m: 1.0, bottom_m: 0.0, side_slopes: [0.0, 0.0] };
        assert!(t.section("t").is_err());
        let open = Curve::new(vec![(0.2, 1.0), (1.0, 1.0)]).unwrap();
        assert!(Shape::Custom { height_m: 1.0, width: open }.section("k").is_err());
    }
}
