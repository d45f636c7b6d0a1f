//! The network: nodes, links, their names, and the builder that checks them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{bad, check};
use crate::{Curve, DrainageError, Section, Series, Shape};

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
    nodes: Vec<Node>,
    links: Vec<Link>,
    node_names: Vec<String>,
    link_names: Vec<String>,
    /// One per link; conduits only.
    pub(crate) sections: Vec<Option<Section>>,
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
        self.sections.get(id.at()).and_then(Option::as_ref)
    }
}

/// Collects nodes and links; [`NetworkBuilder::build`] checks the whole.
#[derive(Debug, Clone, Default)]
pub struct NetworkBuilder {
    nodes: Vec<Node>,
    links: Vec<Link>,
    node_names: Vec<String>,
    link_names: Vec<String>,
    node_index: BTreeMap<String, NodeId>,
    link_index: BTreeMap<String, LinkId>,
}

impl NetworkBuilder {
    /// An empty network.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node.
    ///
    /// # Errors
    /// [`DrainageError::Item`] for a duplicated name or a bad value.
    pub fn node(&mut self, name: &str, node: Node) -> Result<NodeId, DrainageError> {
        check_node(name, &node)?;
        let id = NodeId(self.nodes.len() as u32);
        if self.node_index.insert(name.to_owned(), id).is_some() {
            return Err(bad("node", name, "id", name, "each name once"));
        }
        self.nodes.push(node);
        self.node_names.push(name.to_owned());
        Ok(id)
    }

    /// Adds a link between two nodes of this builder.
    ///
    /// # Errors
    /// [`DrainageError::Item`] for a duplicated name, a bad value, a foreign node or a loop onto itself.
    pub fn link(&mut self, name: &str, from: NodeId, to: NodeId, kind: LinkKind) -> Result<LinkId, DrainageError> {
        check_link(name, &kind)?;
        for (field, id) in [("from", from), ("to", to)] {
            if id.at() >= self.nodes.len() {
                return Err(bad("link", name, field, id.0, format!("a node below {}", self.nodes.len())));
            }
        }
        if from == to {
            return Err(bad("link", name, "to", &self.node_names[to.at()], "another node than `from`"));
        }
        let id = LinkId(self.links.len() as u32);
        if self.link_index.insert(name.to_owned(), id).is_some() {
            return Err(bad("link", name, "id", name, "each name once"));
        }
        self.links.push(Link { from, to, kind });
        self.link_names.push(name.to_owned());
        Ok(id)
    }

    /// Node of a name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.node_index.get(name).copied()
    }

    /// Nodes added so far.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether a link of this name was added.
    #[must_use]
    pub fn has_link(&self, name: &str) -> bool {
        self.link_index.contains_key(name)
    }

    /// The finished network: sections computed, rims raised to the highest crown, outfalls checked.
    ///
    /// # Errors
    /// [`DrainageError::Item`] naming the first bad item.
    pub fn build(mut self) -> Result<Network, DrainageError> {
        if self.nodes.is_empty() {
            return Err(bad("network", "", "nodes", 0, "one or more"));
        }
        let mut sections = Vec::with_capacity(self.links.len());
        let mut crown = vec![0.0_f64; self.nodes.len()];
        for (link, name) in self.links.iter().zip(&self.link_names) {
            let LinkKind::Conduit(c) = &link.kind else {
                sections.push(None);
                continue;
            };
            let section = c.shape.section(name)?;
            for (node, offset) in [(link.from, c.offset_m[0]), (link.to, c.offset_m[1])] {
                crown[node.at()] = crown[node.at()].max(offset + section.full_depth_m());
            }
            sections.push(Some(section));
        }
        for ((node, top), name) in self.nodes.iter_mut().zip(&crown).zip(&self.node_names) {
            node.max_depth_m = node.max_depth_m.max(*top);
            if node.initial_depth_m > node.max_depth_m && matches!(node.kind, NodeKind::Storage(_)) {
                return Err(bad("node", name, "initial depth", node.initial_depth_m, "at most the full depth"));
            }
        }
        self.check_outfalls()?;
        Ok(Network {
            nodes: self.nodes,
            links: self.links,
            node_names: self.node_names,
            link_names: self.link_names,
            sections,
        })
    }

    fn check_outfalls(&self) -> Result<(), DrainageError> {
        let mut ends = vec![0_u32; self.nodes.len()];
        for link in &self.links {
            ends[link.from.at()] += 1;
            ends[link.to.at()] += 1;
        }
        for (k, node) in self.nodes.iter().enumerate() {
            if node.is_outfall() && ends[k] > 1 {
                return Err(bad("outfall", &self.node_names[k], "links", ends[k], "one link"));
            }
        }
        Ok(())
    }
}

fn check_node(name: &str, n: &Node) -> Result<(), DrainageError> {
    let range = |field, v: f64, low, high| check("node", name, field, v, low, high);
    range("invert", n.invert_m, -12_000.0, 9_000.0)?;
    range("max depth", n.max_depth_m, 0.0, 1_000.0)?;
    range("initial depth", n.initial_depth_m, 0.0, 1_000.0)?;
    match &n.kind {
        NodeKind::Junction { area_m2, surcharge_m, ponded_area_m2 } => {
            range("shaft area", *area_m2, 1e-3, 1e6)?;
            range("surcharge depth", *surcharge_m, 0.0, 1e4)?;
            range("ponded area", *ponded_area_m2, 0.0, 1e8)
        }
        NodeKind::Storage(StorageArea::Curve(c)) => {
            let first = c.points().first().map_or(f64::NAN, |p| p.0);
            range("first depth of the storage curve", first, 0.0, 0.0)?;
            c.points().iter().try_for_each(|p| range("area of the storage curve", p.1, 0.0, 1e9))
        }
        NodeKind::Storage(StorageArea::Functional { constant_m2, coefficient, exponent }) => {
            range("storage constant", *constant_m2, 0.0, 1e9)?;
            range("storage coefficient", *coefficient, 0.0, 1e9)?;
            range("storage exponent", *exponent, 0.0, 10.0)?;
            if *constant_m2 + *coefficient <= 0.0 {
                return Err(bad("node", name, "storage area", 0, "above 0"));
            }
            Ok(())
        }
        NodeKind::Outfall { stage: OutfallStage::Tide(c), .. } => {
            c.points().iter().try_for_each(|p| range("hour of the tide curve", p.0, 0.0, 24.0))
        }
        NodeKind::Outfall { .. } => Ok(()),
    }
}

fn check_link(name: &str, kind: &LinkKind) -> Result<(), DrainageError> {
    let range = |field, v: f64, low, high| check("link", name, field, v, low, high);
    match kind {
        LinkKind::Conduit(c) => {
            range("length", c.length_m, 0.01, 1e6)?;
            range("Manning n", c.manning, 1e-4, 1.0)?;
            range("barrels", f64::from(c.barrels), 1.0, 100.0)?;
            range("initial flow", c.initial_flow_m3ps, -1e5, 1e5)?;
            c.offset_m.iter().try_for_each(|v| range("offset", *v, 0.0, 1e3))?;
            c.losses.iter().try_for_each(|v| range("loss factor", *v, 0.0, 1e4))
        }
        LinkKind::Pump(p) => {
            range("start depth", p.start_depth_m, 0.0, 1e3)?;
            range("stop depth", p.stop_depth_m, 0.0, 1e3)?;
            if p.start_depth_m > 0.0 && p.stop_depth_m > p.start_depth_m {
                return Err(bad("pump", name, "stop depth", p.stop_depth_m, "at most the start depth"));
            }
            match &p.curve {
                PumpCurve::Ideal => Ok(()),
                PumpCurve::Head(c) => {
                    check_flows(name, c)?;
                    match c.points().windows(2).find(|w| w[1].1 > w[0].1) {
                        Some(w) => Err(bad("pump", name, "flow over head", w[1].1, "falling with the head")),
                        None => Ok(()),
                    }
                }
                PumpCurve::VolumeSteps(c) | PumpCurve::DepthSteps(c) | PumpCurve::Depth(c) => check_flows(name, c),
            }
        }
        LinkKind::Orifice(o) => {
            range("discharge coefficient", o.coefficient, 1e-3, 1.0)?;
            range("offset", o.offset_m, 0.0, 1e3)?;
            match o.opening {
                Opening::Circular { diameter_m } => range("diameter", diameter_m, 1e-3, 100.0),
                Opening::Rect { height_m, width_m } => {
                    range("height", height_m, 1e-3, 100.0)?;
                    range("width", width_m, 1e-3, 1e3)
                }
            }
        }
        LinkKind::Weir(w) => {
            range("coefficient", w.coefficient, 0.0, 100.0)?;
            range("crest height", w.crest_m, 0.0, 1e3)?;
            range("opening height", w.height_m, 1e-3, 1e3)?;
            range("end contractions", w.contractions, 0.0, 2.0)?;
            match w.form {
                WeirForm::Transverse | WeirForm::SideFlow => range("crest length", w.length_m, 1e-3, 1e5),
                WeirForm::VNotch { side_slope } => range("side slope", side_slope, 1e-3, 1e3),
                WeirForm::Trapezoidal { side_slope, end_coefficient } => {
                    range("crest length", w.length_m, 0.0, 1e5)?;
                    range("side slope", side_slope, 0.0, 1e3)?;
                    range("end coefficient", end_coefficient, 0.0, 100.0)
                }
            }
        }
        LinkKind::Outlet(o) => {
            range("offset", o.offset_m, 0.0, 1e3)?;
            match &o.rating {
                Rating::Curve(c) => check_flows(name, c),
                Rating::Power { coefficient, exponent } => {
                    range("coefficient", *coefficient, 0.0, 1e6)?;
                    range("exponent", *exponent, 0.1, 10.0)
                }
            }
        }
    }
}

fn check_flows(name: &str, c: &Curve) -> Result<(), DrainageError> {
    c.points().iter().try_for_each(|p| check("link", name, "flow of the curve", p.1, 0.0, 1e5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(length_m: f64) -> LinkKind {
        LinkKind::Conduit(Conduit::new(Shape::Circular { diameter_m: 0.5 }, length_m, 0.013))
    }

    #[test]
    fn mistakes_are_named() {
        let mut b = NetworkBuilder::new();
        let a = b.node("A", Node::manhole(1.0, 0.2)).unwrap();
        let o = b.node("O", Node::outfall(0.0, OutfallStage::Free)).unwrap();
        let text = |e: DrainageError| e.to_string();
        assert_eq!(
            text(b.clone().node("A", Node::manhole(0.0, 1.0)).unwrap_err()),
            "node `A`: id = A; allowed: each name once"
        );
        assert!(text(b.clone().link("P", a, a, pipe(9.0)).unwrap_err()).contains("another node"));
        assert!(text(b.clone().link("P", a, NodeId(7), pipe(9.0)).unwrap_err()).contains("a node below 2"));
        assert_eq!(
            text(b.clone().link("P", a, o, pipe(0.0)).unwrap_err()),
            "link `P`: length = 0; allowed: 0.01 to 1000000"
        );
        b.link("P", a, o, pipe(9.0)).unwrap();
        b.link("P2", a, o, pipe(9.0)).unwrap();
        assert!(text(b.build().unwrap_err()).contains("one link"));
        assert!(NetworkBuilder::new().build().is_err());
        assert!(NetworkBuilder::new().node("N", Node::manhole(f64::NAN, 1.0)).is_err());
    }

    #[test]
    fn rims_reach_the_highest_crown() {
        let mut b = NetworkBuilder::new();
        let a = b.node("A", Node::manhole(1.0, 0.2)).unwrap();
        let o = b.node("O", Node::outfall(0.0, OutfallStage::Free)).unwrap();
        b.link("P", a, o, pipe(9.0)).unwrap();
        let n = b.build().unwrap();
        assert_eq!(n.nodes()[0].max_depth_m, 0.5);
        assert_eq!((n.node("O"), n.link("P"), n.node_name(a)), (Some(o), Some(LinkId(0)), "A"));
    }
}
