//! Rings of plan corners: the last corner is joined to the first, which is not repeated.

/// Twice the signed area, m², positive when anticlockwise.
#[must_use]
pub fn ring_area2(ring: &[[f64; 2]]) -> f64 {
    sides(ring).fold(0.0, |sum, (p, q)| sum + p[0] * q[1] - q[0] * p[1])
}

/// Length of all sides, m.
#[must_use]
pub fn ring_length_m(ring: &[[f64; 2]]) -> f64 {
    let length_m = |(a, b): ([f64; 2], [f64; 2])| {
        let d = [b[0] - a[0], b[1] - a[1]];
        (d[0] * d[0] + d[1] * d[1]).sqrt()
    };
    sides(ring).map(length_m).sum()
}

/// Mean of the corners, m; the origin for no corner.
#[must_use]
pub fn ring_middle(ring: &[[f64; 2]]) -> [f64; 2] {
    let n = ring.len().max(1) as f64;
    [0, 1].map(|k| ring.iter().map(|p| p[k]).sum::<f64>() / n)
}

/// Whether a point lies inside (even-odd rule).
#[must_use]
pub fn ring_contains(ring: &[[f64; 2]], p: [f64; 2]) -> bool {
    let crossed = |(a, b): &([f64; 2], [f64; 2])| {
        (a[1] > p[1]) != (b[1] > p[1]) && p[0] < a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0])
    };
    sides(ring).filter(crossed).count() % 2 == 1
}

fn sides(ring: &[[f64; 2]]) -> impl Iterator<Item = ([f64; 2], [f64; 2])> {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| (*a, *b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corner_piece() {
        let ring = [[0.0, 0.0], [4.0, 0.0], [4.0, 2.0], [2.0, 2.0], [2.0, 4.0], [0.0, 4.0]];
        assert_eq!((ring_area2(&ring), ring_length_m(&ring), ring_middle(&ring)), (24.0, 16.0, [2.0, 2.0]));
        assert!(ring_contains(&ring, [1.0, 3.0]) && ring_contains(&ring, [3.0, 1.0]));
        assert!(!ring_contains(&ring, [3.0, 3.0]) && !ring_contains(&ring, [-1.0, 1.0]));
        assert!((ring_area2(&[]), ring_length_m(&[]), ring_middle(&[])) == (0.0, 0.0, [0.0; 2]));
        assert!(!ring_contains(&[], [0.0; 2]));
    }
}
