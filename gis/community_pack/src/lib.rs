//! The community pack on disk and over HTTP: manifest, entity table, terrain, graph.
