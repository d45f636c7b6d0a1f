//! The import project file.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::GenError;
use crate::plan::{BASE, CRS, CommunityPlan, DIVISION, ORIGIN_Z, SIZE_M};

/// Writes `project.toml`.
pub fn write(plan: &CommunityPlan, oblique: bool, path: &Path) -> Result<(), GenError> {
    let origin = [BASE[0] + SIZE_M[0] * 0.5, BASE[1] + SIZE_M[1] * 0.5, ORIGIN_Z];
    let mut text = format!(
        r#"# Import project of a fictional community. Names, codes and places are invented.
[community]
id = "liuwan"
name = "柳湾社区"
name_en = "Liuwan"
city = "临江市"
district = "云川区"
street = "望江街道"
division = "{DIVISION}"
crs = "{CRS}"
vertical_datum = "1985国家高程基准"
origin = [{:.1}, {:.1}, {:.1}]
home_view = {{ eye_enu = [-430.0, -690.0, 330.0], target_enu = [-20.0, -40.0, 10.0] }}

[[layer]]
kind = "dem"
path = "dem/dem_1m.tif"

[[layer]]
kind = "ortho"
path = "dem/ortho.tif"

[[layer]]
kind = "buildings"
path = "vector/buildings.shp"
[layer.fields]
id = "BLDG_ID"
name = "NAME"
floors = "FLOORS"
height = "HEIGHT"
base_z = "BASE_Z"
use = "USE"
estate = "ESTATE"
address = "ADDR"
units = "UNITS"
year = "YEAR"

"#,
        origin[0], origin[1], origin[2]
    );
    for (layer, kind) in [
        ("estates", "estate"),
        ("grids", "grid"),
        ("roads", "road"),
        ("greens", "green"),
        ("water", "water"),
        ("embankment", "embankment"),
        ("drains", "drain"),
        ("manholes", "manhole"),
        ("components", "component"),
        ("gates", "gate"),
        ("landcover", "landcover"),
    ] {
        write!(
            text,
            "[[layer]]\nkind = \"vector\"\npath = \"vector/community.gpkg\"\nlayer = \"{layer}\"\nas = \"{kind}\"\n\n"
        )
        .map_err(|e| GenError::Encode { path: path.to_owned(), reason: e.to_string() })?;
    }
    let tower = &plan.buildings[plan.ifc_building].id;
    let mesh = if oblique { "[[layer]]\nkind = \"oblique\"\npath = \"oblique\"\n\n" } else { "" };
    let tail = format!(
        r#"[[layer]]
kind = "vector"
path = "vector/poi_gcj02.geojson"
as = "poi"
crs = "GCJ-02"

[[layer]]
kind = "vector"
path = "vector/trees.geojson"
as = "tree"
crs = "EPSG:4326"

[[layer]]
kind = "addresses"
path = "vector/addresses.csv"

[[layer]]
kind = "ifc"
path = "bim/tower_01.ifc"
building = "{tower}"

{mesh}[live]
devices = "live/devices.csv"
bindings = "live/bindings.csv"
cameras = "live/cameras.csv"
types = "live/device_types.toml"
rules = "live/rules.toml"
"#
    );
    text.push_str(&tail);
    crate::tables::write_text(path, &text)
}
