//! Draws into one lot, in the lot's own metres: x from its west edge, y from its south edge.

use super::Draft;
use crate::geom::{Frame, Pt, add, area, centroid, mul, rect, too_close};
use crate::plan::{Area, AreaKind, Building, Car, Facade, Gate, Lane, LaneKind, Poi, Roof, Use};

/// What a building is, apart from where it stands.
#[derive(Clone)]
pub struct Spec {
    pub name: String,
    pub usage: Use,
    pub floors: u32,
    pub storey_m: f64,
    pub units: u32,
    pub per_floor: u32,
    pub facade: Facade,
    pub roof: Roof,
}

impl Spec {
    pub fn new(name: impl Into<String>, usage: Use, floors: u32, facade: Facade) -> Self {
        Self { name: name.into(), usage, floors, storey_m: 3.6, units: 0, per_floor: 0, facade, roof: Roof::Flat }
    }

    pub const fn storey(mut self, storey_m: f64) -> Self {
        self.storey_m = storey_m;
        self
    }

    pub const fn homes(mut self, units: u32, per_floor: u32) -> Self {
        self.units = units;
        self.per_floor = per_floor;
        self
    }

    pub const fn roof(mut self, roof: Roof) -> Self {
        self.roof = roof;
        self
    }
}

pub struct Pen<'a> {
    pub draft: &'a mut Draft,
    pub lot: usize,
    pub frame: Frame,
    /// Width of the lot's inner rectangle, metres.
    pub w: f64,
    /// Depth of the lot's inner rectangle, metres.
    pub d: f64,
}

impl Pen<'_> {
    /// A building with its ring's origin at `at`, turned by `angle_deg`. Returns its index, or `None` when it would
    /// stand in another building's way.
    pub fn building(&mut self, spec: Spec, ring: &[Pt], at: Pt, angle_deg: f64) -> Option<usize> {
        let here = Frame::new(self.frame.to_plan(at), self.frame.angle_deg() + angle_deg);
        let ring = here.ring(ring);
        if self.draft.buildings.iter().any(|b| too_close(&b.ring, &ring, 1.5)) {
            return None;
        }
        let index = self.draft.buildings.len();
        let lot = &self.draft.lots[self.lot];
        let height_m =
            spec.storey_m * f64::from(spec.floors) + if matches!(spec.roof, Roof::Gable(_)) { 0.0 } else { 0.9 };
        self.draft.buildings.push(Building {
            id: format!("LW{:02}{:03}", self.lot + 1, index + 1),
            address: format!("{}{}", lot.address, spec.name),
            name: spec.name,
            lot: Some(self.lot),
            grid: lot.grid,
            usage: spec.usage,
            floors: spec.floors,
            storey_m: spec.storey_m,
            height_m,
            units: spec.units,
            per_floor: spec.per_floor,
            year: lot.year,
            ring,
            frame: here,
            base_z: 0.0,
            facade: spec.facade,
            roof: spec.roof,
            tint: self.draft.rng.int(0, 9999),
        });
        Some(index)
    }

    pub fn area(&mut self, kind: AreaKind, name: &'static str, ring: &[Pt]) {
        let mut ring = self.frame.ring(ring);
        if area(&ring) < 0.0 {
            ring.reverse();
        }
        self.draft.areas.push(Area { kind, name, ring, frame: self.frame, lot: Some(self.lot) });
    }

    pub fn rect(&mut self, kind: AreaKind, x0: f64, y0: f64, x1: f64, y1: f64) {
        self.area(kind, "", &rect(x0, y0, x1, y1));
    }

    pub fn lane(&mut self, kind: LaneKind, width_m: f64, line: &[Pt]) {
        let line = self.frame.ring(line);
        self.draft.lanes.push(Lane { kind, line, width_m, lot: Some(self.lot) });
    }

    pub fn road(&mut self, line: &[Pt]) {
        self.lane(LaneKind::Internal, 6.0, line);
    }

    pub fn path(&mut self, line: &[Pt]) {
        self.lane(LaneKind::Path, 2.2, line);
    }

    /// A closed internal road `inset` metres inside the inner rectangle with cut corners.
    pub fn ring_road(&mut self, inset: f64) {
        let (x0, y0, x1, y1) = (inset, inset, self.w - inset, self.d - inset);
        let c = 7.0;
        let line = [
            [x0 + c, y0],
            [x1 - c, y0],
            [x1, y0 + c],
            [x1, y1 - c],
            [x1 - c, y1],
            [x0 + c, y1],
            [x0, y1 - c],
            [x0, y0 + c],
            [x0 + c, y0],
        ];
        self.road(&line);
    }

    pub fn poi(&mut self, name: impl Into<String>, category: &'static str, at: Pt) {
        let at = self.frame.to_plan(at);
        self.draft.pois.push(Poi { name: name.into(), category, at, building: None });
    }

    pub fn building_poi(&mut self, name: impl Into<String>, category: &'static str, building: Option<usize>) {
        if let Some(i) = building {
            let at = centroid(&self.draft.buildings[i].ring);
            self.draft.pois.push(Poi { name: name.into(), category, at, building: Some(i) });
        }
    }

    /// A gate at the lot's edge with a road from `inside` out to the street; `side` is 'n', 's', 'w' or 'e'.
    pub fn gate(&mut self, side: char, along: f64, inside: f64, cars: bool) {
        let (w, d) = (self.w, self.d);
        // the street's edge lies outside the inner rectangle; the road simply runs until it is well on the street
        let (at, out, from) = match side {
            'n' => ([along, d + 1.0], [0.0, 1.0], [along, d - inside]),
            's' => ([along, -1.0], [0.0, -1.0], [along, inside]),
            'w' => ([-1.0, along], [-1.0, 0.0], [inside, along]),
            _ => ([w + 1.0, along], [1.0, 0.0], [w - inside, along]),
        };
        let to = add(at, mul(out, 16.0));
        let width = if cars { 8.0 } else { 4.0 };
        if cars {
            self.lane(LaneKind::Internal, width, &[from, to]);
            let hut = add(at, add(mul(out, -5.0), mul([out[1], -out[0]], 6.6)));
            let spec = Spec::new("门卫室", Use::Utility, 1, Facade::Plain).storey(3.0);
            self.building(spec, &crate::shapes::block(3.2, 3.2), hut, 0.0);
        } else {
            self.lane(LaneKind::Path, width, &[from, to]);
        }
        let word = match side {
            'n' => "北门",
            's' => "南门",
            'w' => "西门",
            _ => "东门",
        };
        let lot_name = self.draft.lots[self.lot].name;
        let code = format!("GT{:02}{:02}", self.lot + 1, self.draft.gates.len() + 1);
        let axis = self.frame.axis;
        let out = add(mul(axis, out[0]), mul([-axis[1], axis[0]], out[1]));
        let at = self.frame.to_plan(at);
        self.draft.gates.push(Gate {
            code,
            name: format!("{lot_name}{word}"),
            lot: self.lot,
            at,
            width_m: width,
            cars,
            out,
        });
    }

    /// A row of parking bays along a line of local points; bays are 2.5 m wide and 5.3 m deep to the left of the line.
    pub fn bays(&mut self, from: Pt, to: Pt, filled: f64) {
        let (a, b) = (self.frame.to_plan(from), self.frame.to_plan(to));
        let total = crate::geom::dist(a, b);
        let count = (total / 2.6).floor() as u32;
        if count == 0 {
            return;
        }
        let d = crate::geom::direction(a, b);
        let n = crate::geom::left(d);
        let end = add(a, mul(d, 2.6 * f64::from(count)));
        let ring = vec![a, end, add(end, mul(n, 5.3)), add(a, mul(n, 5.3))];
        let frame = Frame { origin: a, axis: d };
        self.draft.areas.push(Area { kind: AreaKind::Parking, name: "", ring, frame, lot: Some(self.lot) });
        for k in 0..count {
            if self.draft.rng.chance(filled) {
                let at = add(add(a, mul(d, 2.6 * (f64::from(k) + 0.5))), mul(n, self.draft.rng.range(2.5, 2.9)));
                let size = [self.draft.rng.range(4.2, 4.9), self.draft.rng.range(1.75, 1.9)];
                let tint = self.draft.rng.int(0, 999);
                self.draft.cars.push(Car { at, axis: n, size, tint });
            }
        }
    }
}
