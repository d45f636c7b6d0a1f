//! Longitude and latitude (CRS84) of what the model holds in ENU metres, every vertex by [`geo_frame`].

use geo::{Intersects, LineString, Point, Polygon, Rect, coord};
use geo_frame::EnuFrame;
use serde_json::{Value, json};
use twin_model::Entity;

/// West, south, east, north, degrees.
pub(super) type Bounds = [f64; 4];

/// Degrees are written to this many per degree: 1e-9° is 0.1 mm.
const PER_DEGREE: f64 = 1e9;

/// Longitude and latitude of a point of the local frame.
pub(super) fn lon_lat(frame: &EnuFrame, p_enu: [f64; 3]) -> [f64; 2] {
    let g = frame.geodetic_from_enu(p_enu);
    [g.lon_deg, g.lat_deg].map(|v| (v * PER_DEGREE).round() / PER_DEGREE)
}

/// What an entity looks like on a map: footprint, else line, else position.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shape {
    /// Closed rings, outer counter-clockwise, holes clockwise (RFC 7946 §3.1.6).
    Polygon(Vec<Vec<[f64; 2]>>),
    Line(Vec<[f64; 2]>),
    Point([f64; 2]),
}

/// Shape of an entity, in degrees.
pub(super) fn shape(frame: &EnuFrame, entity: &Entity) -> Shape {
    let place = |p: &[f64; 2]| lon_lat(frame, [p[0], p[1], entity.base_z_m]);
    if let Some(polygon) = entity.footprint.as_ref().filter(|f| f.0.first().is_some_and(|r| r.len() >= 3)) {
        let rings = polygon.0.iter().filter(|r| r.len() >= 3).enumerate();
        return Shape::Polygon(rings.map(|(i, ring)| closed(ring.iter().map(place).collect(), i == 0)).collect());
    }
    if entity.line.len() >= 2 {
        return Shape::Line(entity.line.iter().map(place).collect());
    }
    Shape::Point(lon_lat(frame, entity.p_enu))
}

/// The ring in the wanted direction, its first point repeated at the end.
fn closed(mut ring: Vec<[f64; 2]>, counter_clockwise: bool) -> Vec<[f64; 2]> {
    let o = ring[0];
    let twice_area: f64 =
        ring.windows(2).map(|w| (w[0][0] - o[0]) * (w[1][1] - o[1]) - (w[1][0] - o[0]) * (w[0][1] - o[1])).sum();
    if (twice_area > 0.0) != counter_clockwise {
        ring.reverse();
    }
    ring.push(ring[0]);
    ring
}

impl Shape {
    /// GeoJSON geometry (RFC 7946).
    pub(super) fn geojson(&self) -> Value {
        match self {
            Shape::Polygon(rings) => json!({ "type": "Polygon", "coordinates": rings }),
            Shape::Line(line) => json!({ "type": "LineString", "coordinates": line }),
            Shape::Point(p) => json!({ "type": "Point", "coordinates": p }),
        }
    }

    fn bounds(&self) -> Bounds {
        let points = match self {
            Shape::Polygon(rings) => rings.first().map_or(&[][..], Vec::as_slice),
            Shape::Line(line) => line.as_slice(),
            Shape::Point(p) => std::slice::from_ref(p),
        };
        points.iter().fold(NOWHERE, |b, p| united(b, [p[0], p[1], p[0], p[1]]))
    }

    /// True when some point of it lies in the box.
    pub(super) fn meets(&self, bbox: Bounds) -> bool {
        let line = |points: &[[f64; 2]]| LineString::from(points.iter().map(|p| (p[0], p[1])).collect::<Vec<_>>());
        let rect = |[w, s, e, n]: Bounds| Rect::new(coord! { x: w, y: s }, coord! { x: e, y: n });
        parts(bbox).into_iter().map(rect).any(|rect| match self {
            Shape::Point(p) => rect.intersects(&Point::new(p[0], p[1])),
            Shape::Line(points) => rect.intersects(&line(points)),
            Shape::Polygon(rings) => {
                let mut rings = rings.iter().map(|r| line(r));
                let outer = rings.next().unwrap_or_else(|| LineString::new(vec![]));
                rect.intersects(&Polygon::new(outer, rings.collect()))
            }
        })
    }
}

/// Holds nothing; the start of a union.
pub(super) const NOWHERE: Bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];

/// The smallest box that holds both.
pub(super) fn united(a: Bounds, b: Bounds) -> Bounds {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

/// Box of an entity.
pub(super) fn bounds(frame: &EnuFrame, entity: &Entity) -> Bounds {
    shape(frame, entity).bounds()
}

/// True when the boxes share a point; `bbox` may cross the date line.
pub(super) fn boxes_meet(a: Bounds, bbox: Bounds) -> bool {
    parts(bbox).into_iter().any(|b| a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3])
}

/// True when the whole of `a` lies in `bbox`.
pub(super) fn lies_in(a: Bounds, bbox: Bounds) -> bool {
    parts(bbox).into_iter().any(|b| b[0] <= a[0] && a[2] <= b[2] && b[1] <= a[1] && a[3] <= b[3])
}

/// A box that crosses the date line as its two halves.
fn parts([west, south, east, north]: Bounds) -> Vec<Bounds> {
    if west <= east {
        return vec![[west, south, east, north]];
    }
    vec![[west, south, 180.0, north], [-180.0, south, east, north]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_turn_as_geojson_wants() {
        let clockwise = vec![[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]];
        let outer = closed(clockwise.clone(), true);
        assert_eq!((outer.len(), outer[0], outer[1]), (5, outer[4], [1.0, 1.0]));
        assert_eq!(closed(clockwise.clone(), false)[..4], clockwise[..]);
    }

    #[test]
    fn a_hole_and_a_box_beside_a_slanted_line_are_not_met() {
        let square = |a: f64, b: f64| vec![[a, a], [b, a], [b, b], [a, b], [a, a]];
        let holed = Shape::Polygon(vec![square(0.0, 10.0), square(4.0, 6.0)]);
        assert!(holed.meets([3.0, 3.0, 5.0, 5.0]) && !holed.meets([4.5, 4.5, 5.5, 5.5]));
        let line = Shape::Line(vec![[0.0, 0.0], [10.0, 10.0]]);
        assert!(boxes_meet(line.bounds(), [8.0, 1.0, 9.0, 2.0]) && !lies_in(line.bounds(), [8.0, 1.0, 9.0, 2.0]));
        assert!(lies_in(line.bounds(), [0.0, 0.0, 10.0, 10.0]) && !line.meets([8.0, 1.0, 9.0, 2.0]));
        let fiji = Shape::Point([179.0, -18.0]);
        assert!(fiji.meets([170.0, -20.0, -170.0, -10.0]) && !fiji.meets([-170.0, -20.0, 170.0, -10.0]));
    }
}
