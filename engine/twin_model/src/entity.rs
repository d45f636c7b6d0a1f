//! Entities: everything that can be picked, searched, observed or affected.

use crate::{EntityId, LayerId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $tag:literal, $zh:literal;)*) => {
        /// What an entity is. The first ten are the address spine, from district to room.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum EntityKind { $($(#[$doc])* $variant),* }

        impl EntityKind {
            /// Every kind, in declaration order.
            pub const ALL: &'static [EntityKind] = &[$(EntityKind::$variant),*];
            /// The stable text tag used in tables and files.
            #[must_use]
            pub fn tag(self) -> &'static str { match self { $(EntityKind::$variant => $tag),* } }
            /// The Chinese name shown to people.
            #[must_use]
            pub fn zh(self) -> &'static str { match self { $(EntityKind::$variant => $zh),* } }
        }

        impl std::str::FromStr for EntityKind {
            type Err = UnknownKind;
            fn from_str(s: &str) -> Result<Self, UnknownKind> {
                match s { $($tag => Ok(EntityKind::$variant),)* _ => Err(UnknownKind(s.to_owned())) }
            }
        }
    };
}

/// A kind tag that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown entity kind {0:?}")]
pub struct UnknownKind(pub String);

kinds! {
    /// 区(县).
    District = "district", "区";
    /// 街道(乡镇).
    Street = "street", "街道";
    /// 社区.
    Community = "community", "社区";
    /// 网格: governance grid.
    Grid = "grid", "网格";
    /// 小区: residential estate.
    Estate = "estate", "小区";
    /// 楼栋.
    Building = "building", "楼栋";
    /// 单元: an entrance stair of a building.
    Unit = "unit", "单元";
    /// 楼层.
    Storey = "storey", "楼层";
    /// 户: household, a flat.
    Household = "household", "户";
    /// 房间: a room or other IFC space.
    Room = "room", "房间";
    /// 道路.
    Road = "road", "道路";
    /// 出入口: gate of an estate.
    Gate = "gate", "出入口";
    /// 绿地.
    Green = "green", "绿地";
    /// 水域.
    Water = "water", "水域";
    /// 堤防.
    Embankment = "embankment", "堤防";
    /// 兴趣点.
    Poi = "poi", "兴趣点";
    /// 部件: a managed component (GB/T 30428).
    Component = "component", "部件";
    /// 检查井.
    Manhole = "manhole", "检查井";
    /// 管段: drainage pipe.
    Pipe = "pipe", "管段";
    /// 树木.
    Tree = "tree", "树木";
    /// 地表覆盖.
    Landcover = "landcover", "地表覆盖";
    /// 门 (BIM).
    Door = "door", "门";
    /// 楼梯 (BIM).
    Stair = "stair", "楼梯";
    /// Any other BIM element: wall, slab, window …
    BimElement = "bim_element", "构件";
    /// 设备: sensor or actuator.
    Device = "device", "设备";
    /// 摄像头.
    Camera = "camera", "摄像头";
}

impl EntityKind {
    /// True for the ten kinds of the address spine (区 … 房间).
    #[must_use]
    pub fn is_spine(self) -> bool {
        self <= EntityKind::Room
    }
}

/// An attribute value of an entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttrValue {
    /// True or false.
    Bool(bool),
    /// A number, in the unit the attribute's name states.
    Number(f64),
    /// Text.
    Text(String),
}

impl std::fmt::Display for AttrValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AttrValue::Bool(b) => f.write_str(if *b { "是" } else { "否" }),
            AttrValue::Number(n) => write!(f, "{n}"),
            AttrValue::Text(t) => f.write_str(t),
        }
    }
}

/// A polygon in the ENU plane: outer ring first, then holes; rings are not closed (first point not repeated).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Polygon(pub Vec<Vec<[f64; 2]>>);

impl Polygon {
    /// True when the point is inside the outer ring and outside every hole (even–odd rule).
    #[must_use]
    pub fn contains(&self, p: [f64; 2]) -> bool {
        self.0.iter().map(|ring| ring_crossings(ring, p)).sum::<usize>() % 2 == 1
    }

    /// Area in m²; holes subtracted; independent of ring orientation.
    #[must_use]
    pub fn area_m2(&self) -> f64 {
        let mut rings = self.0.iter().map(|r| ring_area(r).abs());
        let outer = rings.next().unwrap_or(0.0);
        outer - rings.sum::<f64>()
    }

    /// Mean of the outer ring's vertices; `None` when empty.
    #[must_use]
    pub fn centre(&self) -> Option<[f64; 2]> {
        let ring = self.0.first().filter(|r| !r.is_empty())?;
        let n = ring.len() as f64;
        Some([ring.iter().map(|p| p[0]).sum::<f64>() / n, ring.iter().map(|p| p[1]).sum::<f64>() / n])
    }
}

fn ring_crossings(ring: &[[f64; 2]], p: [f64; 2]) -> usize {
    let edges = ring.iter().zip(ring.iter().cycle().skip(1));
    edges
        .filter(|(a, b)| (a[1] > p[1]) != (b[1] > p[1]) && p[0] < (b[0] - a[0]) * (p[1] - a[1]) / (b[1] - a[1]) + a[0])
        .count()
}

fn ring_area(ring: &[[f64; 2]]) -> f64 {
    ring.iter().zip(ring.iter().cycle().skip(1)).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>() / 2.0
}

/// Where an entity came from: the manifest layer and the key it had there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FeatureRef {
    /// Layer of the pack.
    pub layer: LayerId,
    /// Key in the delivery: GlobalId, BLDG_ID, gml:id, GB/T code …
    pub key: String,
}

/// Pose and optics of a camera, for view cone and coverage.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CameraView {
    /// Clockwise from true north, degrees in [0, 360).
    pub heading_deg: f64,
    /// Above the horizon positive, degrees in [-90, 90].
    pub pitch_deg: f64,
    /// Horizontal field of view, degrees in (0, 180).
    pub hfov_deg: f64,
    /// Useful distance, metres > 0.
    pub range_m: f64,
}

/// One thing of the community.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// Its id: equal to its position in the table.
    pub id: EntityId,
    /// What it is.
    pub kind: EntityKind,
    /// What it stands in or on (spine, building of a device …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<EntityId>,
    /// Name shown to people, Chinese first.
    pub name: String,
    /// Code in the jurisdiction or delivery (division code, component code, device code); may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Class within the kind: device class, POI type, building use …; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub class: String,
    /// Where a label or marker goes: ENU metres.
    pub p_enu: [f64; 3],
    /// Height of the thing above its base, metres; 0 when flat.
    #[serde(default)]
    pub height_m: f64,
    /// Ground elevation of its base, ENU z, metres.
    #[serde(default)]
    pub base_z_m: f64,
    /// Outline in the ENU plane, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footprint: Option<Polygon>,
    /// Line in the ENU plane (road axis, pipe), if it has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub line: Vec<[f64; 2]>,
    /// Camera pose, for cameras.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraView>,
    /// Small attributes shown on click; full property sets are kept apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, AttrValue>,
    /// Origin in the deliveries.
    #[serde(default)]
    pub source: FeatureRef,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_round_trip_through_their_tags() {
        for kind in EntityKind::ALL {
            assert_eq!(kind.tag().parse(), Ok(*kind));
            assert_eq!(serde_json::to_string(kind).unwrap(), format!("{:?}", kind.tag()));
        }
        assert!("palace".parse::<EntityKind>().is_err());
        assert!(EntityKind::Room.is_spine() && !EntityKind::Road.is_spine());
    }

    #[test]
    fn polygon_with_a_hole() {
        let square = |a: f64, b: f64| vec![[a, a], [b, a], [b, b], [a, b]];
        let polygon = Polygon(vec![square(0.0, 10.0), square(4.0, 6.0)]);
        assert!(polygon.contains([1.0, 1.0]) && !polygon.contains([5.0, 5.0]) && !polygon.contains([11.0, 5.0]));
        assert!((polygon.area_m2() - 96.0).abs() < 1e-12);
        assert_eq!(polygon.centre(), Some([5.0, 5.0]));
    }
}
