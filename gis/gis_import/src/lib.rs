//! Deliveries to community pack: rasters, vectors, CityJSON, oblique mesh, BIM.
