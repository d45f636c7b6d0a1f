//! Water a node holds in itself, without pipes.

use crate::{Node, NodeKind, StorageArea};
use libm::pow;

/// Smallest plan area of a node, m2: keeps the level of a node defined by its water.
const LEAST_AREA_M2: f64 = 1e-3;
/// Area that stands for the ground around a spilling rim while heads are solved for, m2.
pub(crate) const SPILL_AREA_M2: f64 = 1e4;

/// Volume of a node over depth.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Store {
    /// Shaft of constant area; above the rim the ponded area (or the shaft again).
    Shaft { area_m2: f64, rim_m: f64, above_m2: f64 },
    /// (depth, area, volume) of a storage curve.
    Table(Vec<(f64, f64, f64)>),
    /// constant, coefficient, exponent.
    Power(f64, f64, f64),
}

impl Store {
    pub(crate) fn new(node: &Node) -> Self {
        match &node.kind {
            NodeKind::Junction { area_m2, ponded_area_m2, .. } => {
                let above_m2 = if *ponded_area_m2 > 0.0 { *ponded_area_m2 } else { *area_m2 };
                Self::Shaft { area_m2: *area_m2, rim_m: node.max_depth_m, above_m2 }
            }
            NodeKind::Storage(StorageArea::Functional { constant_m2, coefficient, exponent }) => {
                Self::Power(*constant_m2, *coefficient, *exponent)
            }
            NodeKind::Storage(StorageArea::Curve(c)) => {
                let mut table: Vec<(f64, f64, f64)> = Vec::new();
                for &(y, a) in c.points() {
                    let v = table.last().map_or(0.0, |l| l.2 + 0.5 * (l.1 + a) * (y - l.0));
                    table.push((y, a, v));
                }
                Self::Table(table)
            }
            NodeKind::Outfall { .. } => Self::Shaft { area_m2: LEAST_AREA_M2, rim_m: 0.0, above_m2: LEAST_AREA_M2 },
        }
    }

    /// Volume, m3, and plan area, m2, at a depth, m.
    pub(crate) fn at(&self, depth_m: f64) -> (f64, f64) {
        if depth_m <= 0.0 {
            return (0.0, 0.0);
        }
        let y = depth_m;
        let (v, a) = match self {
            Self::Shaft { area_m2, rim_m, above_m2 } if y > *rim_m => {
                (area_m2 * rim_m + above_m2 * (y - rim_m), *above_m2)
            }
            Self::Shaft { area_m2, .. } => (area_m2 * y, *area_m2),
            Self::Power(constant, coefficient, exponent) => {
                let p = pow(y, *exponent);
                (constant * y + coefficient * p * y / (exponent + 1.0), constant + coefficient * p)
            }
            Self::Table(t) => {
                let k = t.partition_point(|p| p.0 <= y);
                match (k.checked_sub(1).and_then(|k| t.get(k)), t.get(k)) {
                    (Some(l), Some(n)) => {
                        let a = l.1 + (n.1 - l.1) * (y - l.0) / (n.0 - l.0);
                        (l.2 + 0.5 * (l.1 + a) * (y - l.0), a)
                    }
                    (Some(l), None) => (l.2 + l.1 * (y - l.0), l.1),
                    _ => (0.0, 0.0),
                }
            }
        };
        (v + LEAST_AREA_M2 * y, a + LEAST_AREA_M2)
    }
}
