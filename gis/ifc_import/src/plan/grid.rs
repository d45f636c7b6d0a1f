//! A storey as cells (0.1 m): where walls stand, what lies outside, what is enclosed without being a space.

use super::shape::{Slot, section_lines};
use crate::Element;
use std::collections::VecDeque;
use twin_model::PlanSpace;

/// Edge of a cell, m.
pub(crate) const CELL_M: f64 = 0.1;
/// Free cells around everything, so that the outside is one piece.
const MARGIN: usize = 4;
/// Larger storeys are not gridded: 2 km on a side or 60 million cells.
const MOST_CELLS: usize = 60_000_000;

const FREE: u32 = 0;
const WALL: u32 = 1;
const CLOSED: u32 = 2;
const SPACE: u32 = 3;
const OUTSIDE: u32 = 4;
const FIRST_REGION: u32 = 5;

/// What a point lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A wall, or a door, window or opening in one.
    Solid,
    /// A space of the file.
    Space,
    /// Open air: reached from far away without crossing a wall, door, window or space.
    Outside,
    /// Enclosed by walls, and no space of the file: index of the region.
    Enclosed(usize),
}

/// A storey's cells.
pub(crate) struct Grid {
    x0: f64,
    y0: f64,
    columns: usize,
    rows: usize,
    cells: Vec<u32>,
    /// Cells of each enclosed region.
    regions: Vec<usize>,
}

impl Grid {
    /// Cells of the storey; `None` when there is nothing, or too much.
    pub fn new(walls: &[&Element], heights: &[f64], slots: &[Slot], spaces: &[&PlanSpace]) -> Option<Self> {
        let lines: Vec<Vec<[[f64; 2]; 2]>> = walls
            .iter()
            .flat_map(|w| &w.meshes)
            .flat_map(|m| heights.iter().map(move |z| section_lines(m, *z)))
            .filter(|l| !l.is_empty())
            .collect();
        let outlines = || spaces.iter().flat_map(|s| &s.outline).copied();
        let (mut lo, mut hi) = ([f64::MAX; 2], [f64::MIN; 2]);
        for p in lines.iter().flatten().flatten().copied().chain(outlines()).chain(slots.iter().flat_map(Slot::corners))
        {
            for k in 0..2 {
                lo[k] = lo[k].min(p[k]);
                hi[k] = hi[k].max(p[k]);
            }
        }
        let span = |k: usize| ((hi[k] - lo[k]) / CELL_M).ceil().max(0.0) as usize + 2 * MARGIN + 1;
        let sane = lo.iter().chain(&hi).all(|v| v.is_finite()) && lo[0] <= hi[0];
        if !sane || span(0) > 20_000 || span(1) > 20_000 || span(0) * span(1) > MOST_CELLS {
            return None;
        }
        let margin = MARGIN as f64 * CELL_M;
        let (columns, rows) = (span(0), span(1));
        let mut grid = Self {
            x0: lo[0] - margin,
            y0: lo[1] - margin,
            columns,
            rows,
            cells: vec![FREE; columns * rows],
            regions: Vec::new(),
        };
        for space in spaces {
            let rings: Vec<&[[f64; 2]]> =
                std::iter::once(space.outline.as_slice()).chain(space.holes.iter().map(Vec::as_slice)).collect();
            grid.fill(&ring_lines(&rings), SPACE);
        }
        for wall in &lines {
            grid.fill(wall, WALL);
            wall.iter().for_each(|l| grid.draw(*l, WALL));
        }
        for slot in slots {
            let lines = ring_lines(&[&slot.corners()]);
            let s = 0.5 * slot.length_m;
            // A box may stick out of its wall: it closes gaps and hides no space.
            grid.fill_free(&lines, CLOSED);
            grid.draw_free([slot.point(-s, 0.0), slot.point(s, 0.0)], CLOSED);
        }
        grid.flood_regions();
        Some(grid)
    }

    /// What a point lies in; everything beyond the cells is outside.
    pub fn at(&self, p: [f64; 2]) -> Cell {
        match self.index(p).map_or(OUTSIDE, |i| self.cells[i]) {
            WALL | CLOSED | FREE => Cell::Solid,
            SPACE => Cell::Space,
            OUTSIDE => Cell::Outside,
            region => Cell::Enclosed((region - FIRST_REGION) as usize),
        }
    }

    fn index(&self, p: [f64; 2]) -> Option<usize> {
        let (c, r) = (((p[0] - self.x0) / CELL_M).floor(), ((p[1] - self.y0) / CELL_M).floor());
        let inside = c >= 0.0 && r >= 0.0 && c < self.columns as f64 && r < self.rows as f64;
        inside.then(|| r as usize * self.columns + c as usize)
    }

    /// Marks every cell that a line passes.
    fn draw(&mut self, line: [[f64; 2]; 2], mark: u32) {
        self.walk(line, |cell| *cell = mark);
    }

    fn draw_free(&mut self, line: [[f64; 2]; 2], mark: u32) {
        self.walk(line, |cell| {
            if *cell == FREE {
                *cell = mark;
            }
        });
    }

    fn walk(&mut self, [a, b]: [[f64; 2]; 2], mut visit: impl FnMut(&mut u32)) {
        let steps = ((b[0] - a[0]).hypot(b[1] - a[1]) / (0.25 * CELL_M)).ceil().max(1.0);
        for i in 0..=(steps as usize) {
            let f = i as f64 / steps;
            if let Some(k) = self.index([a[0] + f * (b[0] - a[0]), a[1] + f * (b[1] - a[1])]) {
                visit(&mut self.cells[k]);
            }
        }
    }

    fn fill(&mut self, lines: &[[[f64; 2]; 2]], mark: u32) {
        self.scan(lines, |cell| *cell = mark);
    }

    fn fill_free(&mut self, lines: &[[[f64; 2]; 2]], mark: u32) {
        self.scan(lines, |cell| {
            if *cell == FREE {
                *cell = mark;
            }
        });
    }

    /// Visits the cells whose middle lies inside an odd number of closed lines.
    fn scan(&mut self, lines: &[[[f64; 2]; 2]], mut visit: impl FnMut(&mut u32)) {
        let ys = lines.iter().flatten().map(|p| p[1]);
        let (lo, hi) = ys.fold((f64::MAX, f64::MIN), |(lo, hi), y| (lo.min(y), hi.max(y)));
        if lo > hi {
            return;
        }
        let row = |y: f64| (((y - self.y0) / CELL_M).floor().max(0.0) as usize).min(self.rows - 1);
        for r in row(lo)..=row(hi) {
            let y = self.y0 + (r as f64 + 0.5) * CELL_M;
            let mut cuts: Vec<f64> = lines
                .iter()
                .filter(|[a, b]| (a[1] > y) != (b[1] > y))
                .map(|[a, b]| a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
                .collect();
            cuts.sort_by(f64::total_cmp);
            for pair in cuts.chunks_exact(2) {
                let column = |x: f64| ((x - self.x0) / CELL_M - 0.5).ceil().clamp(0.0, self.columns as f64) as usize;
                for c in column(pair[0])..column(pair[1]) {
                    visit(&mut self.cells[r * self.columns + c]);
                }
            }
        }
    }

    fn flood_regions(&mut self) {
        self.flood(0, OUTSIDE);
        for start in 0..self.cells.len() {
            if self.cells[start] == FREE {
                let cells = self.flood(start, FIRST_REGION + self.regions.len() as u32);
                self.regions.push(cells);
            }
        }
    }

    fn flood(&mut self, start: usize, mark: u32) -> usize {
        let mut count = 1;
        let mut queue = VecDeque::from([start]);
        self.cells[start] = mark;
        while let Some(at) = queue.pop_front() {
            let (c, r) = (at % self.columns, at / self.columns);
            let next = [
                (c > 0).then(|| at - 1),
                (c + 1 < self.columns).then(|| at + 1),
                (r > 0).then(|| at - self.columns),
                (r + 1 < self.rows).then(|| at + self.columns),
            ];
            for k in next.into_iter().flatten() {
                if self.cells[k] == FREE {
                    self.cells[k] = mark;
                    queue.push_back(k);
                    count += 1;
                }
            }
        }
        count
    }

    /// Area of a region's cells.
    pub fn region_m2(&self, region: usize) -> f64 {
        self.regions.get(region).map_or(0.0, |cells| *cells as f64 * CELL_M * CELL_M)
    }

    /// Rings round a region's cells, metres: the outer one anticlockwise, holes clockwise.
    pub fn outline(&self, region: usize) -> Vec<Vec<[f64; 2]>> {
        let mark = FIRST_REGION + region as u32;
        let inside = |c: i64, r: i64| {
            let here = c >= 0 && r >= 0 && c < self.columns as i64 && r < self.rows as i64;
            here && self.cells[r as usize * self.columns + c as usize] == mark
        };
        // Edges with the region on their left, by start corner.
        let mut edges: std::collections::BTreeMap<(i64, i64), Vec<(i64, i64)>> = std::collections::BTreeMap::new();
        for (i, _) in self.cells.iter().enumerate().filter(|(_, v)| **v == mark) {
            let (c, r) = ((i % self.columns) as i64, (i / self.columns) as i64);
            let sides = [
                (inside(c, r - 1), (c, r), (c + 1, r)),
                (inside(c + 1, r), (c + 1, r), (c + 1, r + 1)),
                (inside(c, r + 1), (c + 1, r + 1), (c, r + 1)),
                (inside(c - 1, r), (c, r + 1), (c, r)),
            ];
            for (_, from, to) in sides.into_iter().filter(|s| !s.0) {
                edges.entry(from).or_default().push(to);
            }
        }
        let mut found = Vec::new();
        while let Some(start) = edges.keys().next().copied() {
            let (mut at, mut before, mut ring) = (start, (0, 0), Vec::new());
            while let Some(choices) = edges.get_mut(&at) {
                // Where two cells touch in a corner, turn left: the region stays in one piece of four neighbours.
                let left = |to: &(i64, i64)| before.0 * (to.1 - at.1) - before.1 * (to.0 - at.0);
                let best = (0..choices.len()).max_by_key(|i| left(&choices[*i])).unwrap_or(0);
                let to = choices.swap_remove(best);
                if choices.is_empty() {
                    edges.remove(&at);
                }
                before = (to.0 - at.0, to.1 - at.1);
                ring.push([self.x0 + at.0 as f64 * CELL_M, self.y0 + at.1 as f64 * CELL_M]);
                at = to;
                if at == start {
                    break;
                }
            }
            found.push(ring);
        }
        found
    }
}

fn ring_lines(rings: &[&[[f64; 2]]]) -> Vec<[[f64; 2]; 2]> {
    rings.iter().flat_map(|r| r.iter().enumerate().map(|(i, a)| [*a, r[(i + 1) % r.len()]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_box_is_one_region_and_an_open_one_none() {
        // Walls without thickness drawn as slots: 4 by 3 m.
        let wall = |centre: [f64; 2], along: [f64; 2], length_m: f64| Slot { centre, along, length_m, depth_m: 0.2 };
        let four = [
            wall([2.0, 0.0], [1.0, 0.0], 4.2),
            wall([2.0, 3.0], [1.0, 0.0], 4.2),
            wall([0.0, 1.5], [0.0, 1.0], 3.2),
            wall([4.0, 1.5], [0.0, 1.0], 3.2),
        ];
        let grid = Grid::new(&[], &[], &four, &[]).unwrap();
        assert_eq!((grid.regions.len(), grid.at([2.0, 1.5])), (1, Cell::Enclosed(0)));
        assert_eq!((grid.at([2.0, 0.0]), grid.at([9.0, 1.0])), (Cell::Solid, Cell::Outside));
        let rings = grid.outline(0);
        assert_eq!(rings.len(), 1);
        let area = 0.5 * twin_model::ring_area2(&rings[0]);
        assert!((area - 3.8 * 2.8).abs() < 1.4, "{area}");
        let open = Grid::new(&[], &[], &four[..3], &[]).unwrap();
        assert_eq!((open.regions.len(), open.at([2.0, 1.5])), (0, Cell::Outside));
        assert!(Grid::new(&[], &[], &[], &[]).is_none());
    }
}
