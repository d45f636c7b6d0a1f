//! Which rain falls on which cell of a preview. Same rules as the full kernel's.

use std::collections::{BTreeMap, VecDeque};

use crate::{Forcing, Grid};

/// Cells that take the same rain: which series fall (bit set) and how many cells' worth (its own and roofs').
pub(crate) type RainClass = (u64, u32);

/// Class of every cell, and the classes in the order of their first cell.
pub(crate) fn rain_classes(grid: &Grid, blocked: &[bool], forcing: &Forcing) -> (Vec<u32>, Vec<RainClass>) {
    let mut series = vec![0_u64; grid.cell_count()];
    for (k, rain) in forcing.rain.iter().enumerate() {
        match &rain.cells {
            None => series.iter_mut().for_each(|s| *s |= 1 << k),
            Some(cells) => cells.iter().for_each(|c| series[*c as usize] |= 1 << k),
        }
    }
    let mut number: BTreeMap<RainClass, u32> = BTreeMap::new();
    let mut classes = Vec::new();
    let mut class_of = |class: RainClass| {
        *number.entry(class).or_insert_with(|| {
            classes.push(class);
            classes.len() as u32 - 1
        })
    };
    let of_cells = series.into_iter().zip(cells_drained(grid, blocked)).map(&mut class_of).collect();
    (of_cells, classes)
}

/// Cells whose rain each cell takes: its own and that of every blocked cell for which it is the nearest open one (steps
/// over edges; of equally near ones the cell first in a search from south to north). 0 for blocked cells.
fn cells_drained(grid: &Grid, blocked: &[bool]) -> Vec<u32> {
    let nx = grid.nx;
    let mut drained: Vec<u32> = blocked.iter().map(|roof| u32::from(!roof)).collect();
    let mut outlet: Vec<Option<usize>> = (0..blocked.len()).map(|cell| (!blocked[cell]).then_some(cell)).collect();
    let mut front: VecDeque<usize> = (0..blocked.len()).filter(|cell| !blocked[*cell]).collect();
    if front.len() == blocked.len() {
        return drained;
    }
    while let Some(cell) = front.pop_front() {
        let (i, j) = (cell % nx, cell / nx);
        let beside = [
            (j > 0, cell.wrapping_sub(nx)),
            (i > 0, cell.wrapping_sub(1)),
            (i + 1 < nx, cell + 1),
            (j + 1 < grid.ny, cell + nx),
        ];
        for (_, roof) in beside.into_iter().filter(|(inside, _)| *inside) {
            if let (None, Some(open)) = (outlet[roof], outlet[cell]) {
                outlet[roof] = Some(open);
                drained[open] += 1;
                front.push_back(roof);
            }
        }
    }
    drained
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RainSeries;

    #[test]
    fn roofs_drain_to_the_nearest_open_cell() {
        let grid = Grid { nx: 5, ny: 3, dx_m: 1.0 };
        let mut blocked = vec![false; 15];
        (6..9).for_each(|cell| blocked[cell] = true);
        let drained = cells_drained(&grid, &blocked);
        assert_eq!(drained.iter().sum::<u32>(), 15);
        assert_eq!((drained[1], drained[2], drained[3], drained[7]), (2, 2, 2, 0));
        let gauge = RainSeries { series: vec![(0.0, 1.0)], cells: Some(vec![0, 1]) };
        let forcing = Forcing { rain: vec![gauge.clone(), RainSeries { cells: None, ..gauge }], ..Forcing::default() };
        let (of_cells, classes) = rain_classes(&grid, &blocked, &forcing);
        assert_eq!(classes[of_cells[0] as usize], (3, 1));
        assert_eq!(classes[of_cells[1] as usize], (3, 2));
        assert_eq!(classes[of_cells[14] as usize], (2, 1));
    }
}
