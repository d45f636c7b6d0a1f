//! Footprints. Every ring is counter-clockwise, x along the building, the sunny side towards −y.

use crate::geom::{Pt, rect};

/// Width of one unit (单元) of a bar tower, metres. The IFC model uses the same numbers.
pub const BAR_UNIT_M: f64 = 24.0;
/// Depth of the flats of a bar tower, metres.
pub const BAR_DEPTH_M: f64 = 11.0;
/// Depth of the stair and lift core of a bar tower, measured from the sunny side, metres.
pub const BAR_CORE_DEPTH_M: f64 = 14.0;
/// Where the core starts and ends within a unit, metres.
pub const BAR_CORE_M: Pt = [8.6, 15.4];

/// Bar tower of some units, origin at its south-west corner; a stair and lift core stands out of each unit's back.
pub fn bar(units: u32) -> Vec<Pt> {
    let width = BAR_UNIT_M * f64::from(units);
    let mut ring = vec![[0.0, 0.0], [width, 0.0], [width, BAR_DEPTH_M]];
    for unit in (0..units).rev() {
        let x = BAR_UNIT_M * f64::from(unit);
        ring.push([x + BAR_CORE_M[1], BAR_DEPTH_M]);
        ring.push([x + BAR_CORE_M[1], BAR_CORE_DEPTH_M]);
        ring.push([x + BAR_CORE_M[0], BAR_CORE_DEPTH_M]);
        ring.push([x + BAR_CORE_M[0], BAR_DEPTH_M]);
    }
    ring.push([0.0, BAR_DEPTH_M]);
    ring
}

/// T-shaped tower with four flats a floor, centred.
pub fn tee() -> Vec<Pt> {
    vec![
        [-6.5, -12.0],
        [6.5, -12.0],
        [6.5, -4.5],
        [17.5, -4.5],
        [17.5, 7.5],
        [5.0, 7.5],
        [5.0, 10.5],
        [-5.0, 10.5],
        [-5.0, 7.5],
        [-17.5, 7.5],
        [-17.5, -4.5],
        [-6.5, -4.5],
    ]
}

/// Cross-shaped tower with four flats a floor, centred.
pub fn cross() -> Vec<Pt> {
    vec![
        [-5.0, -14.0],
        [5.0, -14.0],
        [5.0, -5.5],
        [15.5, -5.5],
        [15.5, 5.5],
        [5.5, 5.5],
        [5.5, 13.0],
        [-5.5, 13.0],
        [-5.5, 5.5],
        [-15.5, 5.5],
        [-15.5, -5.5],
        [-5.0, -5.5],
    ]
}

/// Butterfly tower: a bar whose two wings are turned to the sun, centred.
pub fn butterfly() -> Vec<Pt> {
    vec![
        [-20.0, -9.5],
        [-13.0, -12.0],
        [-5.0, -4.5],
        [5.0, -4.5],
        [13.0, -12.0],
        [20.0, -9.5],
        [17.5, 3.0],
        [7.0, 6.5],
        [5.0, 10.0],
        [-5.0, 10.0],
        [-7.0, 6.5],
        [-17.5, 3.0],
    ]
}

/// Walk-up slab of some units, origin at its south-west corner; stairs stand out of the back.
pub fn slab(units: u32, unit_m: f64, depth: f64) -> Vec<Pt> {
    let width = unit_m * f64::from(units);
    let mut ring = vec![[0.0, 0.0], [width, 0.0], [width, depth]];
    for unit in (0..units).rev() {
        let middle = unit_m * (f64::from(unit) + 0.5);
        ring.push([middle + 1.5, depth]);
        ring.push([middle + 1.5, depth + 1.2]);
        ring.push([middle - 1.5, depth + 1.2]);
        ring.push([middle - 1.5, depth]);
    }
    ring.push([0.0, depth]);
    ring
}

/// L with its corner in the south-west; `thick` is the depth of both wings.
pub fn ell(width: f64, depth: f64, thick: f64) -> Vec<Pt> {
    vec![[0.0, 0.0], [width, 0.0], [width, thick], [thick, thick], [thick, depth], [0.0, depth]]
}

/// U open to the south.
pub fn yoke(width: f64, depth: f64, thick: f64) -> Vec<Pt> {
    vec![
        [0.0, 0.0],
        [thick, 0.0],
        [thick, depth - thick],
        [width - thick, depth - thick],
        [width - thick, 0.0],
        [width, 0.0],
        [width, depth],
        [0.0, depth],
    ]
}

/// Rectangle centred at the origin.
pub fn block(width: f64, depth: f64) -> Vec<Pt> {
    rect(-width * 0.5, -depth * 0.5, width * 0.5, depth * 0.5)
}

/// Mall: a rectangle with a rounded south-west corner, origin at its corner.
pub fn mall(width: f64, depth: f64, round: f64) -> Vec<Pt> {
    let mut ring = vec![[width, 0.0], [width, depth], [0.0, depth]];
    for k in 0..=8 {
        let a = (180.0 + 90.0 * f64::from(k) / 8.0f64).to_radians();
        ring.push([round + round * a.cos(), round + round * a.sin()]);
    }
    ring
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geom::area;

    #[test]
    fn all_rings_are_counter_clockwise() {
        for ring in [
            bar(2),
            tee(),
            cross(),
            butterfly(),
            slab(3, 15.0, 11.4),
            ell(40.0, 30.0, 12.0),
            yoke(50.0, 40.0, 10.0),
            block(8.0, 4.0),
            mall(80.0, 50.0, 15.0),
        ] {
            assert!(area(&ring) > 0.0, "{ring:?}");
        }
    }
}
