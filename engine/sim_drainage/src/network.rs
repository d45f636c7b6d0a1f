//! The network: nodes, links, their names.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Curve, Section, Series, Shape};

/// A node of a [`Network`], by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

/// A link of a [`Network`], by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LinkId(pub u32);

impl NodeId {
    /// Position in [`Network::nodes`].
    #[must_use]
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

impl LinkId {
    /// Position in [`Network::links`].
    #[must_use]
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}

/// Plan area of a storage over depth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum StorageArea {
    /// Depth, m, to area, m2; the first depth must be 0; the last area holds above.
    Curve(Curve),
    /// `constant + coefficient * depth^exponent`, m2 with depth in metres.
    Functional {
        /// Area at the bottom, m2.
        constant_m2: f64,
        /// Factor of the power.
        coefficient: f64,
        /// Power, 0 to 10.
        exponent: f64,
    },
}

/// Water level at an outfall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum OutfallStage {
    /// The smaller of critical and normal depth of the pipe.
    Free,
    /// Normal depth of the pipe.
    Normal,
    /// A level over time, metres above datum (a constant, a tide, a measured series); never below [`Self::Free`].
    Level(Series),
    /// A level over the hours of the day, repeated daily: (hour 0 to 24, metres above datum).
    Tide(Curve),
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum NodeKind {
    /// Manhole or plain joint (检查井).
    Junction {
        /// Plan area of the shaft, m2.
        area_m2: f64,
        /// How far the head may rise above the rim before water is lost (a bolted lid), m.
        surcharge_m: f64,
        /// Area on which spilt water ponds and waits to come back, m2; 0: what spills is lost.
        ponded_area_m2: f64,
    },
    /// Tank, pond, wet well (调蓄池、集水井).
    Storage(StorageArea),
    /// Where water leaves the network (排放口).
    Outfall {
        /// Level outside.
        stage: OutfallStage,
        /// `true`: a flap (拍门) lets nothing in.
        flap_gate: bool,
    },
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Bottom, metres above datum.
    pub invert_m: f64,
    /// Depth from bottom to rim, m. The builder raises it to the crown of the highest pipe.
    pub max_depth_m: f64,
    /// Depth at the start, m.
    pub initial_depth_m: f64,
    /// Kind.
    pub kind: NodeKind,
}

impl Node {
    /// A manhole with the usual shaft of 1.167 m2 (4 ft across, SWMM's default).
    #[must_use]
    pub const fn manhole(invert_m: f64, max_depth_m: f64) -> Self {
        let kind = NodeKind::Junction { area_m2: 1.167, surcharge_m: 0.0, ponded_area_m2: 0.0 };
        Self { invert_m, max_depth_m, initial_depth_m: 0.0, kind }
    }

    /// An outfall without flap gate.
    #[must_use]
    pub const fn outfall(invert_m: f64, stage: OutfallStage) -> Self {
        let kind = NodeKind::Outfall { stage, flap_gate: false };
        Self { invert_m, max_depth_m: 0.0, initial_depth_m: 0.0, kind }
    }

    pub(crate) const fn is_outfall(&self) -> bool {
        matches!(self.kind, NodeKind::Outfall { .. })
    }
}

/// A pipe or channel (管段).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conduit {
    /// Cross-section.
    pub shape: Shape,
    /// Equal barrels side by side.
    pub barrels: u32,
    /// Length, m.
    pub length_m: f64,
    /// Manning n, s/m^(1/3).
    pub manning: f64,
    /// Height of the bottom above the bottom of the two nodes, m.
    pub offset_m: [f64; 2],
    /// Loss factors K of K v^2 / 2g at entry, exit and along.
    pub losses: [f64; 3],
    /// `true`: nothing flows from `to` to `from`.
    pub flap_gate: bool,
    /// Flow at the start, m3/s.
    pub initial_flow_m3ps: f64,
}

impl Conduit {
    /// A single pipe without offsets and losses.
    #[must_use]
    pub const fn new(shape: Shape, length_m: f64, manning: f64) -> Self {
        Self {
            shape,
            barrels: 1,
            length_m,
            manning,
            offset_m: [0.0; 2],
            losses: [0.0; 3],
            flap_gate: false,
            initial_flow_m3ps: 0.0,
        }
    }
}

/// How a pump's flow follows from the water (numbers as in SWMM).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum PumpCurve {
    /// Type 1: flow in steps of the volume at the inlet node, m3 to m3/s.
    VolumeSteps(Curve),
    /// Type 2: flow in steps of the depth at the inlet node, m to m3/s.
    DepthSteps(Curve),
    /// Type 3: flow over the head to be overcome, m to m3/s, falling.
    Head(Curve),
    /// Type 4: flow over the depth at the inlet node, m to m3/s.
    Depth(Curve),
    /// Flow equal to the inflow of the inlet node.
    Ideal,
}

/// A pump (水泵).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pump {
    /// Law.
    pub curve: PumpCurve,
    /// Whether it runs at the start.
    pub on: bool,
    /// Depth of the inlet node above which it starts, m; 0: always on when the curve says so.
    pub start_depth_m: f64,
    /// Depth of the inlet node below which it stops, m.
    pub stop_depth_m: f64,
}

/// Opening of an orifice.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Opening {
    /// Circle.
    Circular {
        /// Diameter, m.
        diameter_m: f64,
    },
    /// Rectangle.
    Rect {
        /// Height (for a bottom orifice its length), m.
        height_m: f64,
        /// Width, m.
        width_m: f64,
    },
}

/// An orifice (孔口).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Orifice {
    /// `true`: in the floor; `false`: in a wall.
    pub bottom: bool,
    /// Opening.
    pub opening: Opening,
    /// Discharge coefficient, 0 to 1 (0.65 is usual).
    pub coefficient: f64,
    /// Height of the lowest point above the bottom of `from`, m.
    pub offset_m: f64,
    /// `true`: nothing flows back.
    pub flap_gate: bool,
}

/// Plan and form of a weir.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum WeirForm {
    /// Across the flow: Q = C (L - 0.1 n H) H^1.5.
    Transverse,
    /// Along the flow: Q = C L^0.83 H^(5/3) (Engels; SI with C in m^0.50 / s).
    SideFlow,
    /// Triangle with the side slope z (horizontal to vertical): Q = C z H^2.5.
    VNotch {
        /// Side slope.
        side_slope: f64,
    },
    /// Transverse plus two triangular ends: Q = C L H^1.5 + Ce z H^2.5.
    Trapezoidal {
        /// Side slope.
        side_slope: f64,
        /// Coefficient of the ends, m^0.5/s.
        end_coefficient: f64,
    },
}

/// A weir (堰).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Weir {
    /// Form.
    pub form: WeirForm,
    /// Height of the opening above the crest, m; above it the weir runs as an orifice when `can_surcharge`.
    pub height_m: f64,
    /// Length of the crest, m.
    pub length_m: f64,
    /// Height of the crest above the bottom of `from`, m.
    pub crest_m: f64,
    /// Coefficient C, m^0.5/s (1.84 for a sharp crest).
    pub coefficient: f64,
    /// End contractions, 0 to 2.
    pub contractions: f64,
    /// `true`: nothing flows back.
    pub flap_gate: bool,
    /// Whether the opening has a top.
    pub can_surcharge: bool,
}

/// A rating curve between two nodes (水位流量关系出流).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlet {
    /// Height of its bottom above the bottom of `from`, m.
    pub offset_m: f64,
    /// Flow, m3/s, over water above the bottom, m.
    pub rating: Rating,
    /// `true`: the difference of the two heads counts instead of the depth upstream.
    pub by_head: bool,
    /// `true`: nothing flows back.
    pub flap_gate: bool,
}

/// Flow over a depth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Rating {
    /// Depth, m, to flow, m3/s; 0 below the first depth.
    Curve(Curve),
    /// `coefficient * depth^exponent`, m3/s with metres.
    Power {
        /// Factor.
        coefficient: f64,
        /// Exponent, 0.1 to 10.
        exponent: f64,
    },
}

/// What a link is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum LinkKind {
    /// Pipe or channel.
    Conduit(Conduit),
    /// Pump.
    Pump(Pump),
    /// Orifice.
    Orifice(Orifice),
    /// Weir.
    Weir(Weir),
    /// Rating curve.
    Outlet(Outlet),
}

/// A link. Flow from `from` to `to` counts positive.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// Upstream node by convention.
    pub from: NodeId,
    /// Downstream node by convention.
    pub to: NodeId,
    /// Kind.
    pub kind: LinkKind,
}

/// A checked network. Names lie beside the nodes and links.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: Vec<Link>,
    pub(crate) node_names: Vec<String>,
    pub(crate) link_names: Vec<String>,
    /// One per link; conduits only.
    pub(crate) sections: Vec<Option<Arc<Section>>>,
}

impl Network {
    /// Nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Links.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// Name of a node; empty for an id of another network.
    #[must_use]
    pub fn node_name(&self, id: NodeId) -> &str {
        self.node_names.get(id.at()).map_or("", String::as_str)
    }

    /// Name of a link; empty for an id of another network.
    #[must_use]
    pub fn link_name(&self, id: LinkId) -> &str {
        self.link_names.get(id.at()).map_or("", String::as_str)
    }

    /// Node of a name. Linear search: for the edge of the program.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.node_names.iter().position(|n| n == name).map(|k| NodeId(k as u32))
    }

    /// Link of a name. Linear search: for the edge of the program.
    #[must_use]
    pub fn link(&self, name: &str) -> Option<LinkId> {
        self.link_names.iter().position(|n| n == name).map(|k| LinkId(k as u32))
    }

    /// Hydraulic tables of a conduit; `None` for other links.
    #[must_use]
    pub fn section(&self, id: LinkId) -> Option<&Section> {
        self.sections.get(id.at()).and_then(Option::as_deref)
    }
}
