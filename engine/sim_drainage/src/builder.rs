//! Building and checking a network.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{bad, check};
use crate::network::Opening;
use crate::{
    Curve, DrainageError, Link, LinkId, LinkKind, Network, Node, NodeId, NodeKind, OutfallStage, PumpCurve, Rating,
    Section, StorageArea, WeirForm,
};

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
        let mut shared: BTreeMap<String, Arc<Section>> = BTreeMap::new();
        let mut crown = vec![0.0_f64; self.nodes.len()];
        for (link, name) in self.links.iter().zip(&self.link_names) {
            let LinkKind::Conduit(c) = &link.kind else {
                sections.push(None);
                continue;
            };
            // Equal shapes share their tables: a city has thousands of pipes and a dozen diameters.
            let key = format!("{:?}", c.shape);
            let section = match shared.get(&key) {
                Some(section) => Arc::clone(section),
                None => Arc::new(c.shape.section(name)?),
            };
            shared.entry(key).or_insert_with(|| Arc::clone(&section));
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
            c.points().iter().try_for_each(|p| range("depth of the storage curve", p.0, 0.0, 1e4))?;
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
            c.points().iter().try_for_each(|p| range("hour of the tide curve", p.0, 0.0, 24.0))?;
            c.points().iter().try_for_each(|p| range("level of the tide curve", p.1, -12_000.0, 9_000.0))
        }
        NodeKind::Outfall { stage: OutfallStage::Level(series), .. } => {
            series.points().iter().try_for_each(|p| range("level outside", p.1, -12_000.0, 9_000.0))
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
    c.points().iter().try_for_each(|p| check("link", name, "x of the curve", p.0, 0.0, 1e9))?;
    c.points().iter().try_for_each(|p| check("link", name, "flow of the curve", p.1, 0.0, 1e5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conduit, Shape};

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
