//! Facades: a colour for every point of a wall, with the light of the flight's day baked in.

use super::canvas::{Rgb, mix, shade};
use crate::geom::{Pt, direction, dist};
use crate::plan::{Building, Facade, Use};
use crate::rng::{fractal, hash2, smooth};

/// A wall of a building.
pub struct Face<'a> {
    b: &'a Building,
    salt: u64,
    /// Length, metres.
    pub length: f64,
    /// Cosine of the angle between the wall's outside and south.
    south: f64,
    light: f32,
}

impl<'a> Face<'a> {
    /// Wall `edge` of a building.
    pub fn new(b: &'a Building, edge: usize) -> Self {
        let (p, q): (Pt, Pt) = (b.ring[edge], b.ring[(edge + 1) % b.ring.len()]);
        let d = direction(p, q);
        // the outside of a counter-clockwise ring lies to the right
        let out = [d[1], -d[0]];
        let sun = 0.42 * out[0] - 0.9 * out[1];
        let light = 0.86 + 0.2 * sun as f32;
        Self { b, salt: u64::from(b.tint) * 64 + edge as u64, length: dist(p, q), south: -out[1], light }
    }

    fn random(&self, column: i64, floor: i64, salt: u64) -> f32 {
        (hash2(column, floor, self.salt * 31 + salt) >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Colour at `s` metres along the wall and `h` metres above the ground floor.
    pub fn colour(&self, s: f64, h: f64) -> Rgb {
        let c = match self.b.facade {
            Facade::TowerLight | Facade::TowerWarm | Facade::Slab | Facade::OldSlab => self.flats(s, h),
            Facade::House => self.house(s, h),
            Facade::Glass => self.glass(s, h),
            Facade::Strip => self.strip(s, h),
            Facade::ShopFront => self.shops(s, h),
            Facade::Plain => self.plain(s, h),
        };
        let streak = fractal(s / 1.7, h / 11.0, self.salt + 3) as f32;
        let foot = (h / 2.5).clamp(0.0, 1.0) as f32;
        let under_roof = if self.b.height_m - h < 0.5 { 1.06 } else { 1.0 };
        shade(c, self.light * (0.9 + 0.16 * streak) * (0.82 + 0.18 * foot) * under_roof)
    }

    fn base(&self) -> Rgb {
        let pick = |list: &[Rgb]| list[self.b.tint as usize % list.len()];
        match self.b.facade {
            Facade::TowerLight => [224.0, 215.0, 198.0],
            Facade::TowerWarm => [196.0, 164.0, 132.0],
            Facade::Slab => pick(&[[218.0, 196.0, 160.0], [214.0, 204.0, 190.0], [206.0, 180.0, 156.0]]),
            Facade::OldSlab => pick(&[[158.0, 108.0, 86.0], [176.0, 168.0, 156.0], [150.0, 118.0, 98.0]]),
            Facade::House if self.b.year < 1990 => {
                pick(&[[206.0, 200.0, 190.0], [182.0, 170.0, 154.0], [150.0, 140.0, 128.0]])
            }
            Facade::House => pick(&[[232.0, 222.0, 202.0], [222.0, 206.0, 178.0]]),
            Facade::ShopFront => pick(&[[206.0, 200.0, 192.0], [196.0, 176.0, 158.0], [216.0, 206.0, 186.0]]),
            Facade::Strip => pick(&[[224.0, 222.0, 216.0], [206.0, 192.0, 176.0], [190.0, 120.0, 98.0]]),
            _ => [198.0, 196.0, 190.0],
        }
    }

    /// Position within a repeated module: (module number, metres into it, module width).
    fn module(&self, s: f64, wanted: f64) -> (i64, f64, f64) {
        let count = (self.length / wanted).round().max(1.0);
        let width = self.length / count;
        ((s / width).floor() as i64, s.rem_euclid(width), width)
    }

    fn pane(&self, column: i64, floor: i64, t: f64) -> Rgb {
        let r = self.random(column, floor, 1);
        let sky = mix([58.0, 70.0, 82.0], [118.0, 138.0, 152.0], (t as f32).clamp(0.0, 1.0) * 0.8);
        let room = mix([48.0, 52.0, 56.0], [176.0, 164.0, 140.0], self.random(column, floor, 2));
        if r < 0.3 { mix(sky, room, 0.7) } else { sky }
    }

    fn flats(&self, s: f64, h: f64) -> Rgb {
        let b = self.b;
        let base = self.base();
        let floor = (h / b.storey_m).floor();
        let fh = h - floor * b.storey_m;
        let f = floor as i64;
        let stone = matches!(b.facade, Facade::TowerLight | Facade::TowerWarm) && floor < 2.0;
        let mut wall = if stone { mix(base, [142.0, 122.0, 104.0], 0.75) } else { base };
        if fh < 0.14 {
            wall = shade(wall, 0.86);
        }
        if floor >= f64::from(b.floors) || h < 0.0 {
            return wall;
        }
        let narrow = self.length < 5.0;
        let gable_end = self.south.abs() < 0.5;
        if narrow || (gable_end && self.length < 13.0) {
            // a single bathroom window, or none
            let at = self.length * 0.5;
            if !narrow && (s - at).abs() < 0.4 && (1.3..2.2).contains(&fh) {
                return self.pane(0, f, fh);
            }
            return self.accent(wall, s);
        }
        let (column, x, width) = self.module(s, if self.south > 0.5 { 4.0 } else { 3.3 });
        let balcony = self.south > 0.5 && column.rem_euclid(2) == 1;
        if balcony {
            return self.balcony((column, x, width), f, fh, wall);
        }
        let half = if self.south > 0.0 { 0.9 } else { 0.7 };
        let from_middle = (x - width * 0.5).abs();
        if from_middle < half && (0.75..2.35).contains(&fh) {
            let frame = from_middle > half - 0.09 || from_middle < 0.05 || !(0.84..=2.26).contains(&fh);
            if frame {
                return [228.0, 228.0, 224.0];
            }
            if b.facade == Facade::OldSlab && self.random(column, f, 4) < 0.5 && (x * 5.0).fract() < 0.3 {
                return [150.0, 146.0, 140.0]; // window grille
            }
            return self.pane(column, f, (fh - 0.75) / 1.6);
        }
        self.air_conditioner((column, x, width), f, fh, wall)
    }

    fn balcony(&self, (column, x, width): (i64, f64, f64), f: i64, fh: f64, wall: Rgb) -> Rgb {
        let from_middle = (x - width * 0.5).abs();
        if from_middle > width * 0.5 - 0.18 {
            return shade(wall, 0.92);
        }
        if fh < 0.22 {
            return shade(wall, 1.1);
        }
        if fh < 1.15 {
            // glass or painted rail
            return match self.b.facade {
                Facade::TowerLight | Facade::TowerWarm => {
                    mix([150.0, 168.0, 172.0], [110.0, 126.0, 134.0], ((fh - 0.2) as f32).clamp(0.0, 1.0))
                }
                _ => mix(wall, [236.0, 232.0, 224.0], 0.5),
            };
        }
        let closed = self.random(column, f, 6) < 0.62;
        if closed && fh < 2.6 {
            if (x * 1.1).fract() < 0.08 {
                return [222.0, 222.0, 220.0];
            }
            return self.pane(column, f, (fh - 1.1) / 1.6);
        }
        let washing = self.random((x * 2.2).floor() as i64, f * 7 + column, 8);
        if !closed && washing > 0.72 && (1.4..2.2).contains(&fh) {
            return mix([196.0, 96.0, 84.0], [120.0, 150.0, 190.0], self.random((x * 2.2).floor() as i64, f, 9));
        }
        shade([76.0, 72.0, 68.0], if fh > 2.6 { 1.3 } else { 1.0 })
    }

    fn air_conditioner(&self, (column, x, width): (i64, f64, f64), f: i64, fh: f64, wall: Rgb) -> Rgb {
        let here = (x - width + 0.55).abs() < 0.42 && (0.25..0.85).contains(&fh);
        if here && self.random(column, f, 11) < 0.7 {
            let fan = (x - width + 0.6).hypot(fh - 0.55) < 0.22;
            return if fan { [96.0, 98.0, 100.0] } else { [226.0, 226.0, 222.0] };
        }
        // a rust streak below it
        if (x - width + 0.5).abs() < 0.1 && fh < 0.25 && self.b.year < 2005 {
            return shade(wall, 0.82);
        }
        self.accent(wall, x)
    }

    /// Vertical bands that break up the towers.
    fn accent(&self, wall: Rgb, s: f64) -> Rgb {
        match self.b.facade {
            Facade::TowerLight if self.length < 9.0 => mix(wall, [156.0, 128.0, 104.0], 0.55),
            Facade::TowerWarm if (s / 4.0).fract() < 0.12 => mix(wall, [232.0, 220.0, 198.0], 0.8),
            _ => wall,
        }
    }

    fn house(&self, s: f64, h: f64) -> Rgb {
        let base = self.base();
        let floor = (h / self.b.storey_m).floor();
        let fh = h - floor * self.b.storey_m;
        if floor >= f64::from(self.b.floors) || h < 0.0 {
            return base;
        }
        if h < 0.6 {
            return shade(base, 0.72);
        }
        let (column, x, width) = self.module(s, 3.2);
        let d = (x - width * 0.5).abs();
        if self.length > 3.0 && floor < 1.0 && column == 0 && self.south > 0.3 && d < 0.6 && fh < 2.2 {
            return [104.0, 66.0, 44.0];
        }
        if self.length > 3.0 && d < 0.65 && (0.9..2.3).contains(&fh) && self.random(column, floor as i64, 1) < 0.85 {
            return if d > 0.55 { [110.0, 78.0, 58.0] } else { self.pane(column, floor as i64, (fh - 0.9) / 1.4) };
        }
        base
    }

    fn glass(&self, s: f64, h: f64) -> Rgb {
        let floor = (h / self.b.storey_m).floor();
        let fh = h - floor * self.b.storey_m;
        let (column, x, width) = self.module(s, 1.8);
        let spandrel = fh < 0.7;
        if x < 0.09 || x > width - 0.09 || fh < 0.1 {
            return [104.0, 112.0, 118.0];
        }
        let cloud = smooth(s / 19.0 + 3.0, h / 14.0, self.salt) as f32;
        let up = (h / 70.0).clamp(0.0, 1.0) as f32;
        let sky = mix([74.0, 96.0, 112.0], [158.0, 184.0, 200.0], up * 0.7 + cloud * 0.35);
        let sky = shade(sky, 0.92 + 0.12 * self.random(column, floor as i64, 1));
        if floor < 1.0 && self.b.usage == Use::Mall && fh > 3.4 {
            let hue = self.random(column / 5, 0, 5);
            return mix([196.0, 62.0, 52.0], [236.0, 190.0, 92.0], hue);
        }
        if spandrel { shade(sky, 0.72) } else { sky }
    }

    fn strip(&self, s: f64, h: f64) -> Rgb {
        let base = self.base();
        let floor = (h / self.b.storey_m).floor();
        let fh = h - floor * self.b.storey_m;
        if floor >= f64::from(self.b.floors) || h < 0.0 || self.length < 3.0 {
            return base;
        }
        if self.b.usage == Use::Kindergarten && (fh < 0.5) {
            let hue = (floor as i64 + (s / 6.0) as i64).rem_euclid(3);
            return [[236.0, 176.0, 70.0], [104.0, 172.0, 110.0], [92.0, 148.0, 206.0]][hue as usize];
        }
        let (column, x, width) = self.module(s, 2.7);
        if (0.9..2.8).contains(&fh) && s > 0.6 && s < self.length - 0.6 {
            if x < 0.22 || x > width - 0.12 || fh > 2.7 {
                return shade(base, 0.94);
            }
            return self.pane(column, floor as i64, (fh - 0.9) / 1.9);
        }
        if fh < 0.12 { shade(base, 0.85) } else { base }
    }

    fn shops(&self, s: f64, h: f64) -> Rgb {
        let base = self.base();
        let floor = (h / self.b.storey_m).floor();
        let fh = h - floor * self.b.storey_m;
        if floor >= f64::from(self.b.floors) || h < 0.0 {
            return base;
        }
        let (column, x, width) = self.module(s, 4.2);
        let r = self.random(column, 0, 1);
        if floor < 1.0 {
            if (2.7..3.6).contains(&fh) {
                const SIGNS: [Rgb; 7] = [
                    [188.0, 44.0, 40.0],
                    [30.0, 92.0, 152.0],
                    [236.0, 196.0, 70.0],
                    [40.0, 130.0, 84.0],
                    [236.0, 232.0, 224.0],
                    [150.0, 60.0, 116.0],
                    [224.0, 120.0, 40.0],
                ];
                let sign = SIGNS[(r * 6.99) as usize];
                let glyph =
                    (2.95..3.35).contains(&fh) && (x - width * 0.5).abs() < width * 0.3 && (x * 2.2).fract() < 0.62;
                return if glyph {
                    mix(sign, [250.0, 248.0, 240.0], if r > 0.28 && r < 0.72 { 0.25 } else { 0.85 })
                } else {
                    sign
                };
            }
            if fh < 2.7 && x > 0.25 && x < width - 0.25 {
                if self.random(column, 0, 2) < 0.18 {
                    return shade([158.0, 160.0, 162.0], if (fh * 4.0).fract() < 0.3 { 0.85 } else { 1.0 }); // shutter
                }
                return mix([52.0, 50.0, 48.0], [198.0, 180.0, 142.0], self.random(column, (x * 1.5) as i64, 3) * 0.8);
            }
            return shade(base, 0.85);
        }
        if (x - width * 0.5).abs() < 1.1 && (0.9..2.5).contains(&fh) {
            return self.pane(column, floor as i64, (fh - 0.9) / 1.6);
        }
        base
    }

    fn plain(&self, s: f64, h: f64) -> Rgb {
        let base = self.base();
        let (column, x, width) = self.module(s, 5.0);
        if (x - width * 0.5).abs() < 0.9 && h < 2.4 && column == 0 {
            return [96.0, 104.0, 112.0];
        }
        if h > self.b.height_m - 1.6 && h < self.b.height_m - 0.9 && (x - width * 0.5).abs() < 1.2 {
            return shade([120.0, 122.0, 124.0], if (h * 8.0).fract() < 0.4 { 0.8 } else { 1.0 });
        }
        base
    }
}
