//! The ground round a building as people walk over it (室外场地): square tiles, what stands on them cut out, and where people gather.
//!
//! Coordinates are those of the building's plan. Made by `sim_evac::ground_around`, read by `sim_crowd` and by viewers
//! (`outdoor.json` of a run folder). The smoke model knows nothing of it: a door to a tile is a vent to the open air.

use crate::plan::OpeningIndex;
use crate::plan_check::PlanDefect;
use crate::ring::ring_area2;
use serde::{Deserialize, Serialize};

/// Tiles round one building.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OutdoorGround {
    /// Lower left corner of the grid of squares, m.
    pub origin: [f64; 2],
    /// Side of a square, m, > 0.
    pub tile_m: f64,
    /// Squares along x and y.
    pub squares: [u32; 2],
    /// Pieces of open ground. A square that a building cuts in two has two of them.
    pub tiles: Vec<OutdoorTile>,
    /// Open borders between pieces of neighbouring squares: nothing to open, nothing to see.
    pub joins: Vec<OutdoorJoin>,
    /// The building's exits.
    pub exits: Vec<OutdoorExit>,
    /// Where people are safe (集合点).
    pub assembly: Vec<AssemblyArea>,
    /// What a planner should know, naming the element.
    #[serde(default)]
    pub defects: Vec<PlanDefect>,
    /// Water of a flood run on the tiles, by time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub water: Vec<WaterOnTile>,
}

/// A piece of open ground within one square.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutdoorTile {
    /// Name for messages: column and row of its square, and a letter where the square has several pieces.
    pub name: String,
    /// Column and row.
    pub square: [u32; 2],
    /// Outer ring, anticlockwise, not closed by a repeated corner.
    pub outline: Vec<[f64; 2]>,
    /// Buildings and ponds wholly inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holes: Vec<Vec<[f64; 2]>>,
    /// Level of the ground in the middle, m.
    pub floor_m: f64,
    /// Level of the ground at the square's corners, m: (low x, low y), (high x, low y), (low x, high y), (high x, high y).
    pub corners_m: [f64; 4],
}

impl OutdoorTile {
    /// Ground without holes, m².
    #[must_use]
    pub fn area_m2(&self) -> f64 {
        let holes: f64 = self.holes.iter().map(|h| ring_area2(h).abs()).sum();
        0.5 * (ring_area2(&self.outline).abs() - holes)
    }
}

/// An open border.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutdoorJoin {
    /// Positions in [`OutdoorGround::tiles`].
    pub tiles: [u32; 2],
    /// Its ends, on the border of both squares.
    pub ends: [[f64; 2]; 2],
}

/// An exit of the building and the ground before it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OutdoorExit {
    /// The opening of the plan.
    pub opening: OpeningIndex,
    /// The piece of ground it leads to; `None`: none, nobody leaves by it.
    pub tile: Option<u32>,
    /// Whether an area of safety can be reached from there.
    pub safe: bool,
}

/// Where an area of safety comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AssemblySource {
    /// The scenario.
    Scenario,
    /// A road that leads away.
    Road,
    /// The nearest open ground far enough from the building.
    OpenGround,
}

/// Where people are safe: within a circle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AssemblyArea {
    /// Name.
    pub name: String,
    /// Position in [`OutdoorGround::tiles`].
    pub tile: u32,
    /// Centre, m.
    pub at: [f64; 2],
    /// Radius, m.
    pub radius_m: f64,
    /// Least distance of the centre from the building, m.
    pub from_building_m: f64,
    /// Where it comes from.
    pub source: AssemblySource,
}

/// Water on a piece of ground from a time on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WaterOnTile {
    /// Position in [`OutdoorGround::tiles`].
    pub tile: u32,
    /// From when on, s.
    pub at_s: f64,
    /// Depth, m.
    pub depth_m: f64,
    /// Speed, m/s.
    pub speed_mps: f64,
}

impl OutdoorGround {
    /// Level of the ground at a point of a tile, m: straight between the corners of its square.
    #[must_use]
    pub fn level_m(&self, tile: usize, p: [f64; 2]) -> f64 {
        let Some(t) = self.tiles.get(tile) else { return 0.0 };
        let share = |k: usize| {
            let low = self.origin[k] + f64::from(t.square[k]) * self.tile_m;
            ((p[k] - low) / self.tile_m.max(1e-9)).clamp(0.0, 1.0)
        };
        let ([x, y], c) = ([share(0), share(1)], t.corners_m);
        (1.0 - y) * ((1.0 - x) * c[0] + x * c[1]) + y * ((1.0 - x) * c[2] + x * c[3])
    }

    /// Tiles other than its own that a circle reaches into over open borders: those next to it, and those next to them.
    #[must_use]
    pub fn reached_by(&self, area: &AssemblyArea) -> Vec<u32> {
        let near = |tile: u32| {
            let Some(t) = self.tiles.get(tile as usize) else { return false };
            let off = |k: usize| {
                let low = self.origin[k] + f64::from(t.square[k]) * self.tile_m;
                (low - area.at[k]).max(area.at[k] - low - self.tile_m).max(0.0)
            };
            let d = [off(0), off(1)];
            d[0] * d[0] + d[1] * d[1] < area.radius_m * area.radius_m
        };
        let mut found = vec![area.tile];
        for _ in 0..2 {
            for [a, b] in self.joins.iter().map(|j| j.tiles) {
                for (from, to) in [(a, b), (b, a)] {
                    if found.contains(&from) && !found.contains(&to) && near(to) {
                        found.push(to);
                    }
                }
            }
        }
        found.split_off(1)
    }

    /// Open ground, m².
    #[must_use]
    pub fn area_m2(&self) -> f64 {
        self.tiles.iter().map(OutdoorTile::area_m2).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ground_is_straight_between_corners() {
        let tile = OutdoorTile {
            name: "1-0".into(),
            square: [1, 0],
            outline: vec![[20.0, 0.0], [40.0, 0.0], [40.0, 20.0], [20.0, 20.0]],
            holes: vec![vec![[22.0, 2.0], [24.0, 2.0], [24.0, 4.0]]],
            floor_m: 1.0,
            corners_m: [0.0, 2.0, 1.0, 3.0],
        };
        let g = OutdoorGround { tile_m: 20.0, squares: [2, 1], tiles: vec![tile], ..OutdoorGround::default() };
        assert_eq!(g.level_m(0, [30.0, 10.0]), 1.5);
        assert_eq!((g.level_m(0, [20.0, 0.0]), g.level_m(0, [99.0, 99.0])), (0.0, 3.0));
        assert_eq!((g.area_m2(), g.level_m(7, [0.0, 0.0])), (398.0, 0.0));
        assert_eq!(serde_json::from_str::<OutdoorGround>(&serde_json::to_string(&g).unwrap()).unwrap(), g);
    }
}
