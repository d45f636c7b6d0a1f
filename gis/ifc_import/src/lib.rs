//! IFC to geometry, spatial tree and property sets, through ifc-lite.
