//! The street net, the lots between streets, and the grids.

use crate::geom::{Frame, Pt, direction, inset_convex, lerp};
use crate::plan::{Grid, Lot, LotKind, SIZE_M, Street};
use crate::rng::Rng;
use crate::terrain::{BANK_TO_CREST_M, BANK_TO_ROAD_M, bank_at};

const COLUMNS: usize = 5;
const ROWS: usize = 4;

/// (name, class, carriageway width, distance between lot boundaries) of the streets that run east, south first.
const EAST: [(&str, &str, f64, f64); ROWS] = [
    ("滨江路", "次干路", 10.0, 20.0),
    ("柳湾路", "次干路", 14.0, 26.0),
    ("望江大道", "主干路", 24.0, 40.0),
    ("云川北路", "次干路", 14.0, 26.0),
];
/// The same for the streets that run north, west first.
const NORTH: [(&str, &str, f64, f64); COLUMNS] = [
    ("西堤路", "支路", 9.0, 18.0),
    ("码头路", "次干路", 12.0, 24.0),
    ("云锦路", "次干路", 16.0, 30.0),
    ("桃花路", "支路", 12.0, 22.0),
    ("东堤路", "支路", 9.0, 18.0),
];

/// (name, kind, year) of the lots, row by row from the south-west.
const LOTS: [(&str, LotKind, u32); 12] = [
    ("江畔花园", LotKind::HighRise, 2016),
    ("柳湾新村", LotKind::WalkUp, 2001),
    ("柳湾公园", LotKind::Park, 2012),
    ("临江名邸", LotKind::Villa, 2010),
    ("柳湾小学", LotKind::School, 2005),
    ("望江苑", LotKind::HighRise, 2019),
    ("云川汇", LotKind::Commerce, 2015),
    ("望江公共服务区", LotKind::Services, 2011),
    ("柳岸里", LotKind::WalkUp, 1994),
    ("纺织宿舍", LotKind::Old, 1983),
    ("云锦科创园", LotKind::Campus, 2018),
    ("柳湾老街", LotKind::OldTown, 1965),
];

/// Grid name and the cells (column, row) it takes.
const GRIDS: [(&str, &[(usize, usize)]); 10] = [
    ("江畔网格", &[(0, 0)]),
    ("新村网格", &[(1, 0)]),
    ("公园网格", &[(2, 0)]),
    ("名邸网格", &[(3, 0)]),
    ("学苑网格", &[(0, 1)]),
    ("望江网格", &[(1, 1)]),
    ("云川汇网格", &[(2, 1), (3, 1)]),
    ("柳岸网格", &[(0, 2)]),
    ("纺织网格", &[(1, 2)]),
    ("老街网格", &[(2, 2), (3, 2)]),
];

/// Crossings of the street net.
pub struct Net {
    nodes: [[Pt; ROWS]; COLUMNS],
}

impl Net {
    pub fn new(rng: &mut Rng) -> Self {
        let x = [40.0, 334.0, 640.0, 934.0, 1162.0];
        let y = [0.0, 478.0, 722.0, 966.0];
        let mut nodes = [[[0.0; 2]; ROWS]; COLUMNS];
        let slant: Vec<f64> = (0..COLUMNS).map(|_| rng.range(-7.0, 7.0)).collect();
        for (i, column) in nodes.iter_mut().enumerate() {
            for (j, node) in column.iter_mut().enumerate() {
                let lean = slant[i] * (j as f64 - 1.5) + rng.range(-2.0, 2.0);
                let px = x[i] + lean;
                let py = if j == 0 { bank_at(px) + BANK_TO_ROAD_M } else { y[j] + rng.range(-5.0, 5.0) };
                *node = [px, py];
            }
        }
        Self { nodes }
    }

    pub fn streets(&self) -> Vec<Street> {
        let mut out = Vec::new();
        for (j, (name, class, carriage_m, redline_m)) in EAST.into_iter().enumerate() {
            let mut line: Vec<Pt> = (0..COLUMNS).map(|i| self.nodes[i][j]).collect();
            line.insert(0, [0.0, line[0][1] - 3.0]);
            let last = line[line.len() - 1];
            line.push([SIZE_M[0], last[1] + 2.0]);
            out.push(Street { code: format!("RD{:02}", j + 1), name, class, line, carriage_m, redline_m });
        }
        for (i, (name, class, carriage_m, redline_m)) in NORTH.into_iter().enumerate() {
            let mut line = self.nodes[i].to_vec();
            let top = line[ROWS - 1];
            line.push([top[0], SIZE_M[1]]);
            out.push(Street { code: format!("RD{:02}", ROWS + i + 1), name, class, line, carriage_m, redline_m });
        }
        out
    }

    pub fn lots(&self) -> Vec<Lot> {
        let mut lots = Vec::new();
        for j in 0..ROWS - 1 {
            for i in 0..COLUMNS - 1 {
                let quad = [self.nodes[i][j], self.nodes[i + 1][j], self.nodes[i + 1][j + 1], self.nodes[i][j + 1]];
                let half = [EAST[j].3 * 0.5, NORTH[i + 1].3 * 0.5, EAST[j + 1].3 * 0.5, NORTH[i].3 * 0.5];
                let ring = inset_convex(&quad, &half);
                let (name, kind, year) = LOTS[lots.len()];
                let (frame, size) = inner_rectangle(&ring);
                let number = 18 + 14 * lots.len();
                let street = if j == 0 { EAST[1].0 } else { EAST[j].0 };
                lots.push(Lot {
                    code: format!("XQ{:02}", lots.len() + 1),
                    name,
                    kind,
                    ring,
                    frame,
                    size,
                    year,
                    address: format!("云川区{street}{number}号{name}"),
                    grid: grid_of_cell(i, j),
                });
            }
        }
        lots
    }

    /// Grids as unions of cells; the outer cells reach to the edge of the plan.
    pub fn grids(&self) -> Vec<Grid> {
        let corner = |i: usize, j: usize| -> Pt {
            let [x, y] = self.nodes[i][j];
            let x = if i == 0 {
                0.0
            } else if i == COLUMNS - 1 {
                SIZE_M[0]
            } else {
                x
            };
            let y = if j == 0 {
                0.0
            } else if j == ROWS - 1 {
                SIZE_M[1]
            } else {
                y
            };
            [x, y]
        };
        let ring_of = |cells: &[(usize, usize)]| {
            let (i0, j0) = cells[0];
            let (i1, j1) = cells[cells.len() - 1];
            let mut ring = Vec::new();
            ring.extend((i0..=i1 + 1).map(|i| corner(i, j0)));
            ring.extend((j0 + 1..=j1 + 1).map(|j| corner(i1 + 1, j)));
            ring.extend((i0..=i1).rev().map(|i| corner(i, j1 + 1)));
            ring.extend((j0 + 1..=j1).rev().map(|j| corner(i0, j)));
            ring
        };
        GRIDS
            .iter()
            .enumerate()
            .map(|(k, (name, cells))| Grid {
                code: format!("{:03}", k + 1),
                name: (*name).to_owned(),
                ring: ring_of(cells),
            })
            .collect()
    }

    /// Where the embankment is cut: on the way to the wharf, behind which the walk-up estate lies low.
    pub fn gap(&self) -> Pt {
        let x = lerp(self.nodes[1][0], self.nodes[2][0], 0.5)[0];
        [x, bank_at(x) + BANK_TO_CREST_M]
    }

    /// Centre and northward direction of the underpass below the avenue.
    pub fn underpass(&self) -> (Pt, Pt) {
        (self.nodes[2][2], direction(self.nodes[2][1], self.nodes[2][3]))
    }
}

fn grid_of_cell(i: usize, j: usize) -> usize {
    GRIDS.iter().position(|(_, cells)| cells.contains(&(i, j))).unwrap_or(0)
}

/// The frame of a lot and the largest rectangle of that frame inside it; corners are SW, SE, NE, NW.
fn inner_rectangle(ring: &[Pt]) -> (Frame, Pt) {
    let axis = direction([0.0, 0.0], {
        let (s, n) = (direction(ring[0], ring[1]), direction(ring[3], ring[2]));
        [s[0] + n[0], s[1] + n[1]]
    });
    let turned = Frame { origin: ring[0], axis };
    let local = turned.ring(&[]).into_iter().chain(ring.iter().map(|p| turned.local(*p))).collect::<Vec<_>>();
    let x0 = local[0][0].max(local[3][0]);
    let x1 = local[1][0].min(local[2][0]);
    let y0 = local[0][1].max(local[1][1]);
    let y1 = local[2][1].min(local[3][1]);
    (turned.at([x0, y0]), [x1 - x0, y1 - y0])
}
