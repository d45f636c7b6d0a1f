//! Which rain falls on which cell, roofs' rain included. For both solvers.

use std::collections::{BTreeMap, VecDeque};

use crate::forcing::Downspout;
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
    let of_cells =
        series.into_iter().zip(runoff_weights(grid, blocked, &forcing.downspouts)).map(&mut class_of).collect();
    (of_cells, classes)
}

/// How many cells' rain each cell takes: 1 for open cells, plus one for every blocked cell whose nearest open cell it is or
/// whose downspout leads there; 0 for blocked cells.
fn runoff_weights(grid: &Grid, blocked: &[bool], downspouts: &[Downspout]) -> Vec<u32> {
    let mut weight: Vec<u32> = blocked.iter().map(|b| u32::from(!b)).collect();
    if !blocked.contains(&true) {
        return weight;
    }
    let mut target = nearest_open(grid, blocked);
    for d in downspouts.iter().filter(|d| !blocked[d.to as usize]) {
        d.roof.iter().filter(|c| blocked[**c as usize]).for_each(|c| target[*c as usize] = d.to as usize);
    }
    for (cell, to) in target.into_iter().enumerate() {
        if blocked[cell] && to != NOWHERE {
            weight[to] += 1;
        }
    }
    weight
}

/// No open cell can be reached.
pub(crate) const NOWHERE: usize = usize::MAX;

/// The nearest open cell of every cell (steps over edges; of equals the one reached first in order of cells).
pub(crate) fn nearest_open(grid: &Grid, blocked: &[bool]) -> Vec<usize> {
    let (nx, ny) = (grid.nx, grid.ny);
    let mut nearest: Vec<usize> = blocked.iter().enumerate().map(|(k, b)| if *b { NOWHERE } else { k }).collect();
    let mut queue: VecDeque<usize> = (0..blocked.len()).filter(|k| !blocked[*k]).collect();
    while let Some(k) = queue.pop_front() {
        let (i, j) = (k % nx, k / nx);
        let around = [
            (j > 0).then(|| k - nx),
            (i > 0).then(|| k - 1),
            (i + 1 < nx).then_some(k + 1),
            (j + 1 < ny).then_some(k + nx),
        ];
        for n in around.into_iter().flatten() {
            if nearest[n] == NOWHERE {
                nearest[n] = nearest[k];
                queue.push_back(n);
            }
        }
    }
    nearest
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
        let drained = runoff_weights(&grid, &blocked, &[]);
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
