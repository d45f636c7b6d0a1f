//! Distance to the edge of an area.

use twin_model::Polygon;

/// Distance from a point to the nearest edge of a polygon, metres; infinite for an empty one.
pub(crate) fn edge_distance_m(area: &Polygon, p: [f64; 2]) -> f64 {
    let mut least = f64::INFINITY;
    for ring in &area.0 {
        for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            let (ab, ap) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
            let length2 = ab[0] * ab[0] + ab[1] * ab[1];
            let along = if length2 > 0.0 { ((ap[0] * ab[0] + ap[1] * ab[1]) / length2).clamp(0.0, 1.0) } else { 0.0 };
            let off = [ap[0] - along * ab[0], ap[1] - along * ab[1]];
            least = least.min(off[0] * off[0] + off[1] * off[1]);
        }
    }
    least.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_to_sides_and_corners() {
        let square = Polygon(vec![vec![[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]]]);
        assert_eq!(edge_distance_m(&square, [2.0, 1.0]), 1.0);
        assert_eq!(edge_distance_m(&square, [7.0, 8.0]), 5.0);
        assert_eq!(edge_distance_m(&Polygon::default(), [0.0, 0.0]), f64::INFINITY);
    }
}
