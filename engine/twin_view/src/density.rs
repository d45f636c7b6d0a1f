//! Density of people (人群密度) on a grid of 1 m, coloured by Fruin's levels of service.

use community_pack::evac_folder::PersonMark;
use std::collections::BTreeMap;
use std::ops::Range;

/// Cell, m.
pub(crate) const CELL_M: f64 = 1.0;

/// Upper bounds of Fruin's levels of service A to E on walkways, persons per m² (J. J. Fruin, Pedestrian Planning and Design,
/// 1971; the inverse of 3.2, 2.3, 1.4, 0.93 and 0.46 m² a person); F is denser.
pub(crate) const LEVELS_PPM2: [f64; 5] = [0.31, 0.43, 0.72, 1.08, 2.17];

/// Colours of B to F, linear; A is not drawn.
const COLOURS: [[f32; 4]; 5] = [
    [0.10, 0.42, 0.75, 0.45],
    [0.10, 0.62, 0.36, 0.55],
    [0.86, 0.72, 0.08, 0.62],
    [0.92, 0.36, 0.04, 0.70],
    [0.80, 0.04, 0.05, 0.80],
];

/// Colour of a density; `None` for level A.
pub(crate) fn colour(density_ppm2: f64) -> Option<[f32; 4]> {
    let level = LEVELS_PPM2.iter().filter(|bound| density_ppm2 > **bound).count();
    level.checked_sub(1).and_then(|k| COLOURS.get(k)).copied()
}

/// Persons per m² of every cell with somebody near, by (column, row) of the cell; each person is spread over the four
/// nearest cell centres, so that the sum over cells is the number of people. Only feet within `levels` (ENU z, m) count.
pub(crate) fn density(people: &[PersonMark], levels: Range<f64>) -> BTreeMap<(i32, i32), f64> {
    let mut cells = BTreeMap::new();
    for p in people.iter().filter(|p| levels.contains(&p.at[2])) {
        let at = [p.at[0] / CELL_M - 0.5, p.at[1] / CELL_M - 0.5];
        let low = at.map(f64::floor);
        let share = [at[0] - low[0], at[1] - low[1]];
        for (di, wx) in [(0, 1.0 - share[0]), (1, share[0])] {
            for (dj, wy) in [(0, 1.0 - share[1]), (1, share[1])] {
                let cell = (low[0] as i32 + di, low[1] as i32 + dj);
                *cells.entry(cell).or_insert(0.0) += wx * wy / (CELL_M * CELL_M);
            }
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use community_pack::evac_folder::Doing;

    fn person(x: f64, y: f64, z: f64) -> PersonMark {
        PersonMark { id: 0, at: [x, y, z], doing: Doing::Walking }
    }

    #[test]
    fn everybody_counts_once_and_other_storeys_do_not() {
        let people = [person(0.5, 0.5, 3.0), person(-7.25, 2.9, 3.1), person(0.0, 0.0, 6.0)];
        let cells = density(&people, 2.5..5.5);
        assert!((cells.values().sum::<f64>() - 2.0).abs() < 1e-12);
        assert_eq!(cells[&(0, 0)], 1.0);
        assert!((cells[&(-8, 2)] - 0.75 * 0.6).abs() < 1e-12);
    }

    #[test]
    fn levels_of_service_have_their_colours() {
        assert_eq!(colour(0.31), None);
        assert_eq!(colour(0.4), Some(COLOURS[0]));
        assert_eq!(colour(2.0), Some(COLOURS[3]));
        assert_eq!(colour(6.0), Some(COLOURS[4]));
    }
}
