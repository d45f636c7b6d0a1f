use crate::PackError;
use serde::{Deserialize, Serialize};
use twin_model::EntityId;

/// `graph.json`: the networks and the inner structure of buildings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Graph {
    /// Storm drains.
    #[serde(default)]
    pub drainage: Drainage,
    /// Buildings whose inside is known.
    #[serde(default)]
    pub buildings: Vec<BuildingGraph>,
    /// Roads.
    #[serde(default)]
    pub roads: RoadGraph,
}

/// The drainage network.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Drainage {
    /// Manholes, inlets and outfalls.
    pub nodes: Vec<DrainNode>,
    /// Pipes.
    pub links: Vec<DrainLink>,
}

/// A manhole, inlet or outfall.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrainNode {
    /// The entity.
    pub entity: EntityId,
    /// Cover, ENU metres.
    pub p_enu: [f64; 3],
    /// Bottom of the shaft, metres in the pack's vertical datum; `None` when the delivery does not say.
    #[serde(default)]
    pub invert_m: Option<f64>,
    /// "manhole", "inlet", "outfall" or what the delivery says.
    pub kind: String,
}

/// A pipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrainLink {
    /// The entity.
    pub entity: EntityId,
    /// Upstream node, an entity of [`Drainage::nodes`]; `None` when no node lies at that end.
    pub from: Option<EntityId>,
    /// Downstream node.
    pub to: Option<EntityId>,
    /// Inner diameter, m.
    #[serde(default)]
    pub diameter_m: Option<f64>,
    /// Plan length, m.
    pub length_m: f64,
    /// Invert at the upstream end, metres in the pack's vertical datum.
    #[serde(default)]
    pub invert_from_m: Option<f64>,
    /// Invert at the downstream end, metres in the pack's vertical datum.
    #[serde(default)]
    pub invert_to_m: Option<f64>,
}

/// The inside of one building.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildingGraph {
    /// The building entity.
    pub building: EntityId,
    /// Storeys from the lowest.
    pub storeys: Vec<StoreyGraph>,
}

/// One storey of a building.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoreyGraph {
    /// The storey entity.
    pub entity: EntityId,
    /// Floor level, ENU z, metres.
    pub elevation_m: f64,
    /// Floor to floor, metres; 0 when unknown.
    pub height_m: f64,
    /// Rooms.
    #[serde(default)]
    pub spaces: Vec<EntityId>,
    /// Doors.
    #[serde(default)]
    pub doors: Vec<EntityId>,
    /// Stairs that start here.
    #[serde(default)]
    pub stairs: Vec<EntityId>,
}

/// The road network.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RoadGraph {
    /// Junctions and ends, ENU metres in the plane.
    pub nodes: Vec<[f64; 2]>,
    /// Road sections between them.
    pub links: Vec<RoadLink>,
}

/// A road section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoadLink {
    /// The road entity.
    pub entity: EntityId,
    /// Index into [`RoadGraph::nodes`].
    pub from: u32,
    /// Index into [`RoadGraph::nodes`].
    pub to: u32,
    /// Plan length, m.
    pub length_m: f64,
    /// Width, m; 0 when unknown.
    pub width_m: f64,
}

impl Graph {
    /// Reads `graph.json`.
    ///
    /// # Errors
    /// Not the JSON of a graph.
    pub fn parse(json: &[u8]) -> Result<Self, PackError> {
        serde_json::from_slice(json).map_err(|e| PackError::format("graph.json", e))
    }

    /// The graph as JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_reads_back() {
        let mut graph = Graph::default();
        graph.drainage.nodes.push(DrainNode {
            entity: EntityId(4),
            p_enu: [1.0, 2.0, 3.0],
            invert_m: Some(17.25),
            kind: "manhole".into(),
        });
        graph.roads.nodes.push([1.5, 2.5]);
        assert_eq!(Graph::parse(graph.to_json().as_bytes()).unwrap(), graph);
        assert_eq!(Graph::parse(b"{}").unwrap(), Graph::default());
        assert!(Graph::parse(b"[").is_err());
    }
}
