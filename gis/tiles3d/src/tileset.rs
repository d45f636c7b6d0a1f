//! `tileset.json` (3D Tiles 1.0 and 1.1): types, reading with checks, writing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A tileset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tileset {
    /// Version and provenance.
    pub asset: Asset,
    /// Error in metres when nothing of the tileset is drawn.
    pub geometric_error: f64,
    /// The top tile.
    pub root: Tile,
    /// Members that are kept as they are (schema, groups, statistics, extras ...).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Version and provenance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asset {
    /// Version of 3D Tiles: `1.0` or `1.1`.
    pub version: String,
    /// Version of the content, any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tileset_version: Option<String>,
    /// Members that are kept as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Default for Asset {
    fn default() -> Self {
        Self { version: "1.1".to_owned(), tileset_version: None, extra: Map::new() }
    }
}

/// A tile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tile {
    /// Space that holds the tile's content and its children.
    pub bounding_volume: BoundingVolume,
    /// Error in metres, in the tile's own frame, when the tile is drawn and its children are not.
    pub geometric_error: f64,
    /// How children relate to the tile; inherited when absent, and `Replace` at the root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refine: Option<Refine>,
    /// Matrix to the parent's frame, column-major; identity when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub transform: Option<[f64; 16]>,
    /// What is drawn.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content: Option<Content>,
    /// What is drawn, when it is several files.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub contents: Vec<Content>,
    /// Finer tiles.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub children: Vec<Tile>,
    /// Regular subdivision in place of `children`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub implicit_tiling: Option<ImplicitTiling>,
    /// Members that are kept as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Tile {
    /// A tile with a volume and an error, and nothing else.
    #[must_use]
    pub fn new(bounding_volume: BoundingVolume, geometric_error: f64) -> Self {
        Self {
            bounding_volume,
            geometric_error,
            refine: None,
            transform: None,
            content: None,
            contents: Vec::new(),
            children: Vec::new(),
            implicit_tiling: None,
            extra: Map::new(),
        }
    }

    /// The content files, from whichever member names them.
    pub fn all_contents(&self) -> impl Iterator<Item = &Content> {
        self.content.iter().chain(&self.contents)
    }
}

/// How children relate to their parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Refine {
    /// They are drawn beside it.
    #[serde(alias = "add", alias = "Add")]
    Add,
    /// They are drawn in its place.
    #[serde(alias = "replace", alias = "Replace")]
    Replace,
}

/// A content file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    /// Address, relative to the tileset. In implicit tilesets a template.
    #[serde(alias = "url")]
    pub uri: String,
    /// Space that holds the content, when tighter than the tile's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bounding_volume: Option<BoundingVolume>,
    /// Members that are kept as they are.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Content {
    /// A content file of that address.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), bounding_volume: None, extra: Map::new() }
    }
}

/// The space a tile takes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawVolume", into = "RawVolume")]
pub enum BoundingVolume {
    /// Centre and three half axes (x, y, z of each), metres, in the tile's frame.
    Box([f64; 12]),
    /// West, south, east, north in radians, lowest and highest height in metres; WGS 84, whatever the transform.
    Region([f64; 6]),
    /// Centre and radius, metres, in the tile's frame.
    Sphere([f64; 4]),
}

impl BoundingVolume {
    /// Box along the axes between two corners, metres.
    #[must_use]
    pub fn from_min_max(min: [f64; 3], max: [f64; 3]) -> Self {
        let c: [f64; 3] = std::array::from_fn(|i| f64::midpoint(min[i], max[i]));
        let h: [f64; 3] = std::array::from_fn(|i| ((max[i] - min[i]) / 2.0).abs());
        Self::Box([c[0], c[1], c[2], h[0], 0.0, 0.0, 0.0, h[1], 0.0, 0.0, 0.0, h[2]])
    }

    fn numbers(&self) -> &[f64] {
        match self {
            Self::Box(v) => v,
            Self::Region(v) => v,
            Self::Sphere(v) => v,
        }
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct RawVolume {
    #[serde(rename = "box", skip_serializing_if = "Option::is_none", default)]
    obb: Option<[f64; 12]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    region: Option<[f64; 6]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sphere: Option<[f64; 4]>,
}

impl TryFrom<RawVolume> for BoundingVolume {
    type Error = &'static str;

    fn try_from(raw: RawVolume) -> Result<Self, Self::Error> {
        let named = raw.obb.map(Self::Box).or(raw.region.map(Self::Region)).or(raw.sphere.map(Self::Sphere));
        named.ok_or("a bounding volume needs one of box, region and sphere")
    }
}

impl From<BoundingVolume> for RawVolume {
    fn from(volume: BoundingVolume) -> Self {
        let mut raw = Self { obb: None, region: None, sphere: None };
        match volume {
            BoundingVolume::Box(v) => raw.obb = Some(v),
            BoundingVolume::Region(v) => raw.region = Some(v),
            BoundingVolume::Sphere(v) => raw.sphere = Some(v),
        }
        raw
    }
}

/// Regular subdivision of a tile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImplicitTiling {
    /// Into four (in x and y) or eight.
    pub subdivision_scheme: Subdivision,
    /// Levels in one subtree file, 1 or more.
    pub subtree_levels: u32,
    /// Levels in all, 1 or more.
    pub available_levels: u32,
    /// Where the subtree files are.
    pub subtrees: Subtrees,
}

/// Way of subdividing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Subdivision {
    /// Four children.
    Quadtree,
    /// Eight children.
    Octree,
}

/// Where the subtree files are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subtrees {
    /// Template with `{level}`, `{x}`, `{y}` and, for octrees, `{z}`.
    pub uri: String,
}

/// Why a tileset could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TilesetError {
    /// Not JSON, or a member is missing or of the wrong type.
    #[error("tileset.json: {0}")]
    Json(String),
    /// A value is not allowed.
    #[error("tileset.json: {path} is {found}, allowed: {allowed}")]
    Invalid {
        /// The member, as a path from the top.
        path: String,
        /// Its value.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl Tileset {
    /// A tileset of version 1.1 around a root tile.
    #[must_use]
    pub fn new(geometric_error: f64, root: Tile) -> Self {
        Self { asset: Asset::default(), geometric_error, root, extra: Map::new() }
    }

    /// Reads and checks.
    ///
    /// # Errors
    /// The first thing that is wrong, with its path, value and what is allowed.
    pub fn parse(bytes: &[u8]) -> Result<Self, TilesetError> {
        let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
        let tileset: Self = serde_json::from_slice(bytes).map_err(|e| TilesetError::Json(e.to_string()))?;
        tileset.validate()?;
        Ok(tileset)
    }

    /// Checks values; `parse` does it by itself.
    ///
    /// # Errors
    /// The first thing that is wrong, with its path, value and what is allowed.
    pub fn validate(&self) -> Result<(), TilesetError> {
        if !matches!(self.asset.version.as_str(), "1.0" | "1.1") {
            return Err(invalid("asset.version", format!("{:?}", self.asset.version), "\"1.0\" or \"1.1\""));
        }
        check_error(self.geometric_error, "geometricError")?;
        validate_tile(&self.root, "root")
    }

    /// As JSON text, indented.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Only maps with non-text keys or failing writers make this fail; there are none.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

fn invalid(path: impl Into<String>, found: impl ToString, allowed: &'static str) -> TilesetError {
    TilesetError::Invalid { path: path.into(), found: found.to_string(), allowed }
}

fn check_error(value: f64, path: &str) -> Result<(), TilesetError> {
    if value.is_finite() && value >= 0.0 { Ok(()) } else { Err(invalid(path, value, "a number of 0 or more, metres")) }
}

fn validate_tile(tile: &Tile, path: &str) -> Result<(), TilesetError> {
    check_error(tile.geometric_error, &format!("{path}.geometricError"))?;
    validate_volume(&tile.bounding_volume, &format!("{path}.boundingVolume"))?;
    if let Some(m) = &tile.transform {
        let affine = [m[3], m[7], m[11]].iter().all(|x| x.abs() < 1e-9) && (m[15] - 1.0).abs() < 1e-9;
        if !affine || m.iter().any(|x| !x.is_finite()) {
            return Err(invalid(format!("{path}.transform"), format!("{m:?}"), "a finite affine matrix, column-major"));
        }
    }
    for (i, content) in tile.all_contents().enumerate() {
        if content.uri.is_empty() {
            return Err(invalid(format!("{path}.contents[{i}].uri"), "empty", "an address"));
        }
        if let Some(volume) = &content.bounding_volume {
            validate_volume(volume, &format!("{path}.contents[{i}].boundingVolume"))?;
        }
    }
    if let Some(implicit) = &tile.implicit_tiling {
        validate_implicit(tile, implicit, path)?;
    }
    for (i, child) in tile.children.iter().enumerate() {
        validate_tile(child, &format!("{path}.children[{i}]"))?;
    }
    Ok(())
}

fn validate_volume(volume: &BoundingVolume, path: &str) -> Result<(), TilesetError> {
    let found = || format!("{:?}", volume.numbers());
    if volume.numbers().iter().any(|x| !x.is_finite()) {
        return Err(invalid(path, found(), "finite numbers"));
    }
    match volume {
        BoundingVolume::Sphere(v) if v[3] < 0.0 => Err(invalid(path, found(), "a radius of 0 or more")),
        BoundingVolume::Region([west, south, east, north, low, high]) => {
            use std::f64::consts::{FRAC_PI_2, PI};
            // exporters round pi to few digits
            let slack = 1e-3;
            let ok = [west, east].iter().all(|x| x.abs() <= PI + slack)
                && [south, north].iter().all(|x| x.abs() <= FRAC_PI_2 + slack)
                && south <= north
                && low <= high;
            if ok {
                Ok(())
            } else {
                Err(invalid(path, found(), "radians within a turn, south <= north, lowest <= highest"))
            }
        }
        _ => Ok(()),
    }
}

fn validate_implicit(tile: &Tile, implicit: &ImplicitTiling, path: &str) -> Result<(), TilesetError> {
    let path = format!("{path}.implicitTiling");
    if !(1..=12).contains(&implicit.subtree_levels) {
        return Err(invalid(format!("{path}.subtreeLevels"), implicit.subtree_levels, "1 to 12"));
    }
    if !(1..=30).contains(&implicit.available_levels) {
        return Err(invalid(format!("{path}.availableLevels"), implicit.available_levels, "1 to 30"));
    }
    if !tile.children.is_empty() {
        return Err(invalid(path, "beside children", "either implicitTiling or children"));
    }
    if matches!(tile.bounding_volume, BoundingVolume::Sphere(_)) {
        return Err(invalid(path, "on a sphere", "a box or a region"));
    }
    if implicit.subtrees.uri.is_empty() {
        return Err(invalid(format!("{path}.subtrees.uri"), "empty", "a template"));
    }
    Ok(())
}

/// WGS 84 semi-major axis, metres, and flattening (EPSG ellipsoid 7030).
const WGS84_A: f64 = 6_378_137.0;
const WGS84_F: f64 = 1.0 / 298.257_223_563;

/// Geocentric coordinates (EPSG:4978), metres, of a WGS 84 position in degrees and ellipsoidal height in metres.
#[must_use]
pub fn geodetic_to_ecef(lon_deg: f64, lat_deg: f64, height_m: f64) -> [f64; 3] {
    let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
    let (sin_lat, cos_lat) = lat_deg.to_radians().sin_cos();
    let e2 = WGS84_F * (2.0 - WGS84_F);
    // radius of curvature in the prime vertical
    let n = WGS84_A / (1.0 - e2 * sin_lat * sin_lat).sqrt();
    [(n + height_m) * cos_lat * cos_lon, (n + height_m) * cos_lat * sin_lon, (n * (1.0 - e2) + height_m) * sin_lat]
}

/// Matrix (column-major) from east-north-up metres at a WGS 84 position to geocentric metres (EPSG:4978): the root
/// transform of a tileset whose content is in a local frame.
///
/// `lon_deg` and `lat_deg` in degrees, `height_m` above the ellipsoid.
#[must_use]
pub fn enu_to_ecef_transform(lon_deg: f64, lat_deg: f64, height_m: f64) -> [f64; 16] {
    let (sin_lon, cos_lon) = lon_deg.to_radians().sin_cos();
    let (sin_lat, cos_lat) = lat_deg.to_radians().sin_cos();
    let [x, y, z] = geodetic_to_ecef(lon_deg, lat_deg, height_m);
    [
        -sin_lon,
        cos_lon,
        0.0,
        0.0, //
        -sin_lat * cos_lon,
        -sin_lat * sin_lon,
        cos_lat,
        0.0, //
        cos_lat * cos_lon,
        cos_lat * sin_lon,
        sin_lat,
        0.0, //
        x,
        y,
        z,
        1.0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = r#"{"asset":{"version":"1.1"},"geometricError":10,"root":{"boundingVolume":{"sphere":[0,0,0,5]},"geometricError":1,"content":{"uri":"a.glb"}}}"#;

    #[test]
    fn reads_and_writes_back() {
        let tileset = Tileset::parse(MINIMAL.as_bytes()).expect("valid");
        assert_eq!(Tileset::parse(tileset.to_json().as_bytes()), Ok(tileset));
    }

    #[test]
    fn unknown_members_survive() {
        let text = MINIMAL.replacen("\"geometricError\":10", "\"geometricError\":10,\"groups\":[{\"class\":\"x\"}]", 1);
        let tileset = Tileset::parse(text.as_bytes()).expect("valid");
        assert!(tileset.to_json().contains("\"class\": \"x\""));
    }

    #[test]
    fn errors_name_the_member() {
        let error =
            |from: &str, to: &str| Tileset::parse(MINIMAL.replacen(from, to, 1).as_bytes()).map_err(|e| e.to_string());
        assert_eq!(
            error("1.1", "2.0"),
            Err("tileset.json: asset.version is \"2.0\", allowed: \"1.0\" or \"1.1\"".into())
        );
        assert_eq!(
            error("\"geometricError\":1,", "\"geometricError\":-1,"),
            Err("tileset.json: root.geometricError is -1, allowed: a number of 0 or more, metres".into())
        );
        assert!(error("sphere", "cone").is_err_and(|e| e.contains("box, region and sphere")));
        assert!(error("[0,0,0,5]", "[0,0,0,-5]").is_err_and(|e| e.contains("root.boundingVolume")));
        assert!(Tileset::parse(b"<html>").is_err());
    }

    #[test]
    fn frame_at_a_known_point() {
        // Reference: Cartesian of 0 N 0 E is (a, 0, 0); of the pole (0, 0, b) with b = 6,356,752.314245 m.
        let equator = enu_to_ecef_transform(0.0, 0.0, 10.0);
        assert!((equator[12] - 6_378_147.0).abs() < 1e-6 && equator[13].abs() < 1e-6 && equator[14].abs() < 1e-6);
        assert_eq!(&equator[0..3], &[-0.0, 1.0, 0.0]);
        let pole = geodetic_to_ecef(90.0, 90.0, 0.0);
        assert!((pole[2] - 6_356_752.314_245).abs() < 1e-5 && pole[0].abs() < 1e-6);
        let m = glam::DMat4::from_cols_array(&enu_to_ecef_transform(114.3, 30.5, 20.0));
        assert!((m.determinant() - 1.0).abs() < 1e-12);
    }
}
