//! Writes a small pack, scenarios and what the command line computes of them, for the test in the browser:
//! `tiny_case DIR`.

use community_pack::{FORMAT, Manifest, Origin, PackCrs, PackFiles, Terrain, TerrainRef, VERSION, write_entities};
use geo_frame::{Crs, Projector};
use serde_json::json;
use sim_core::CancelToken;
use sim_flood::FloodMode;
use sim_run::hazard::PassLimits;
use sim_run::{Exports, RunRequest};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use twin_model::{CameraPose, Community, Entity, EntityId, EntityKind, FeatureRef, LayerId, Polygon, Scenario};
use web_sim::{PackParts, Session};

const EPSG: u32 = 4547;
const HALF_M: f64 = 300.0;
const ORIGIN: Origin = Origin { lon_deg: 114.31, lat_deg: 30.52, height_m: 24.0 };

/// Ground height, ENU z: a plain that falls towards a river in the south.
fn ground_z(x: f64, y: f64) -> f64 {
    let bank = 6.0 / (1.0 + (-(y + 190.0) / 12.0).exp());
    bank + (x / 60.0).sin() * 0.4 + y * 0.004 - 4.0
}

fn entity(id: u32, kind: EntityKind, name: &str, corner: [f64; 2], size: [f64; 2]) -> Entity {
    let [x, y] = corner;
    let ring = vec![[x, y], [x + size[0], y], [x + size[0], y + size[1]], [x, y + size[1]]];
    let (mx, my) = (x + size[0] / 2.0, y + size[1] / 2.0);
    Entity {
        id: EntityId(id),
        kind,
        parent: (id > 0).then_some(EntityId(0)),
        name: name.into(),
        code: format!("T{id:05}"),
        class: if kind == EntityKind::Water { "河流".into() } else { String::new() },
        p_enu: [mx, my, ground_z(mx, my)],
        height_m: 20.0,
        base_z_m: ground_z(mx, my),
        footprint: Some(Polygon(vec![ring])),
        line: vec![],
        camera: None,
        attributes: BTreeMap::new(),
        source: FeatureRef { layer: LayerId(u16::MAX), key: String::new() },
    }
}

fn entities() -> Vec<Entity> {
    let whole = entity(0, EntityKind::Community, "试验社区", [-HALF_M, -HALF_M], [2.0 * HALF_M, 2.0 * HALF_M]);
    let river = entity(1, EntityKind::Water, "柳河", [-HALF_M, -HALF_M], [2.0 * HALF_M, 112.0]);
    let block = |k: u32| {
        let corner = [-180.0 + f64::from(k % 4) * 95.0, -90.0 + f64::from(k / 4) * 95.0];
        entity(2 + k, EntityKind::Building, &format!("{}号楼", k + 1), corner, [40.0, 14.0])
    };
    [whole, river].into_iter().chain((0..12).map(block)).collect()
}

fn terrain() -> Result<Terrain, Box<dyn Error>> {
    let projector = Projector::new(Crs::from_epsg(EPSG)?, ORIGIN.frame());
    let centre = projector.crs_from_enu([0.0, 0.0, 0.0])?;
    let (n, dx_m) = (300_u32, 2.0);
    let (x0, y0) = ((centre[0] - HALF_M).floor(), (centre[1] - HALF_M).floor());
    let height = |k: u32| -> Result<f32, Box<dyn Error>> {
        let plane = [x0 + (f64::from(k % n) + 0.5) * dx_m, y0 + (f64::from(k / n) + 0.5) * dx_m, ORIGIN.height_m];
        let enu = projector.enu_from_crs(plane)?;
        Ok((ground_z(enu[0], enu[1]) + ORIGIN.height_m) as f32)
    };
    let bed_m = (0..n * n).map(height).collect::<Result<_, _>>()?;
    Ok(Terrain { epsg: EPSG, x0, y0, dx_m, nx: n, ny: n, bed_m })
}

fn write_pack(dir: &Path) -> Result<(), Box<dyn Error>> {
    let entities = entities();
    let mut table = Vec::new();
    write_entities(&entities, &ORIGIN, &mut table)?;
    fs::write(dir.join("entities.fgb"), table)?;
    fs::write(dir.join("device_types.toml"), "")?;
    fs::write(dir.join("bindings.csv"), "")?;
    fs::write(dir.join("terrain.tif"), terrain()?.to_geotiff()?)?;
    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        community: Community { id: "tiny".into(), name: "试验社区".into(), ..Default::default() },
        origin: ORIGIN,
        crs: PackCrs { epsg: EPSG, wkt: String::new() },
        vertical_datum: "1985国家高程基准".into(),
        bounds_enu: [[-HALF_M, -HALF_M, -10.0], [HALF_M, HALF_M, 90.0]],
        layers: vec![],
        terrain: Some(TerrainRef { path: "terrain.tif".into(), epsg: EPSG, manning: BTreeMap::new(), landcover: None }),
        home: CameraPose { eye_enu: [-330.0, -460.0, 260.0], target_enu: [10.0, -20.0, 5.0] },
        files: PackFiles::default(),
        provenance: vec![],
        entities: entities.len(),
    };
    fs::write(dir.join("community.json"), manifest.to_json())?;
    fs::write(dir.join("graph.json"), serde_json::to_vec(&community_pack::Graph::default())?)?;
    Ok(())
}

/// A river that rises over its bank, rain and a barrier; or rain alone on all cells, to measure speed.
fn scenarios() -> [(&'static str, serde_json::Value); 2] {
    let barrier = json!({ "kind": "barrier", "line_enu": [[-220.0, -140.0], [40.0, -120.0]], "height_m": 1.2 });
    let storm = json!({ "source": "series", "points": [[0.0, 40.0], [120.0, 180.0], [300.0, 20.0]] });
    let river = json!({ "source": "series", "points": [[0.0, 21.5], [600.0, 26.0]] });
    let flood = json!({
        "name": "涨水", "base": "none", "duration_s": 600.0, "frame_interval_s": 120.0, "cell_m": 4.0,
        "forcing": { "rain": storm, "river": river }, "interventions": [barrier],
    });
    let rain = json!({
        "name": "暴雨", "base": "none", "duration_s": 120.0, "frame_interval_s": 60.0, "cell_m": 2.0,
        "forcing": { "rain": { "source": "constant", "rain_mmph": 300.0 }, "river": { "source": "none" } },
    });
    [("flood", flood), ("rain", rain)]
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::args().nth(1).ok_or("usage: tiny_case DIR")?;
    let dir = Path::new(&dir);
    fs::create_dir_all(dir)?;
    write_pack(dir)?;
    let read = |name: &str| fs::read(dir.join(name));
    let (manifest, entities, terrain) = (read("community.json")?, read("entities.fgb")?, read("terrain.tif")?);
    let parts =
        PackParts { manifest: &manifest, entities: &entities, device_types: &[], terrain: &terrain, landcover: &[] };
    let mut expected = serde_json::Map::new();
    for (name, value) in scenarios() {
        let scenario: Scenario = serde_json::from_value(value)?;
        let text = serde_json::to_string(&scenario)?;
        fs::write(dir.join(format!("{name}.json")), &text)?;
        let out = dir.join(format!("run_{name}"));
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        let request = RunRequest {
            scenario: &scenario,
            pack_dir: dir,
            live: None,
            from_state: None,
            exports: Exports::none(),
            limits: PassLimits::default(),
            edits: None,
        };
        let summary = sim_run::run_flood(request, &out, &CancelToken::new(), &mut |_| {})?;
        let mut preview = Session::new(parts, &text, "", FloodMode::Preview)?;
        while !preview.is_done() {
            preview.advance(u64::MAX)?;
        }
        let progress = preview.progress();
        let outcome = json!({
            "checksum": summary.checksum, "steps": summary.steps, "frames": summary.frame_times_s.len(),
            "preview_checksum": progress.checksum, "preview_steps": progress.steps,
        });
        expected.insert(name.into(), outcome);
    }
    fs::write(dir.join("expected.json"), serde_json::to_vec_pretty(&expected)?)?;
    Ok(())
}
