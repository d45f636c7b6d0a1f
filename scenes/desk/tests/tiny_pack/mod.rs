//! A small pack made from nothing: a sloping ground with a river, a few blocks, devices, cameras. For tests and for
//! working on the viewer without an import.

use community_pack::{
    FORMAT, Layer, Manifest, Origin, PackCrs, PackFiles, Terrain, TerrainRef, VERSION, write_entities,
};
use geo_frame::{Crs, Projector};
use std::collections::BTreeMap;
use std::path::Path;
use tiles3d::glb::{Column, ColumnValues, GlbModel, Material, Primitive, PropertyTable};
use tiles3d::tileset::Content;
use tiles3d::{BoundingVolume, Refine, Tile, Tileset, enu_to_ecef_transform, write_glb};
use twin_model::{
    CameraPose, CameraView, Community, Entity, EntityId, EntityKind, FeatureRef, LayerId, LayerKind, Polygon,
};

const EPSG: u32 = 4547;
const HALF_M: f64 = 300.0;

/// Ground height, ENU z: a plain that falls towards a river in the south.
pub fn ground_z(x: f64, y: f64) -> f64 {
    let bank = 6.0 / (1.0 + (-(y + 190.0) / 12.0).exp());
    bank + (x / 60.0).sin() * 0.4 + y * 0.004 - 4.0
}

fn square(x: f64, y: f64, w: f64, d: f64) -> Polygon {
    Polygon(vec![vec![[x, y], [x + w, y], [x + w, y + d], [x, y + d]]])
}

struct Rows(Vec<Entity>);

impl Rows {
    fn add(&mut self, kind: EntityKind, parent: Option<u32>, name: &str, p_enu: [f64; 3]) -> &mut Entity {
        let id = EntityId(self.0.len() as u32);
        self.0.push(Entity {
            id,
            kind,
            parent: parent.map(EntityId),
            name: name.into(),
            code: format!("T{:05}", id.0),
            class: String::new(),
            p_enu,
            height_m: 0.0,
            base_z_m: p_enu[2],
            footprint: None,
            line: vec![],
            camera: None,
            attributes: BTreeMap::new(),
            source: FeatureRef { layer: LayerId(u16::MAX), key: String::new() },
        });
        self.0.last_mut().unwrap()
    }
}

fn entities() -> Vec<Entity> {
    let mut rows = Rows(Vec::new());
    rows.add(EntityKind::Community, None, "试验社区", [0.0, 0.0, 0.0]);
    let grid = rows.add(EntityKind::Grid, Some(0), "第一网格", [0.0, 0.0, ground_z(0.0, 0.0)]);
    grid.footprint = Some(square(-250.0, -150.0, 500.0, 400.0));
    rows.add(EntityKind::Estate, Some(1), "柳岸花园", [0.0, 20.0, ground_z(0.0, 20.0)]).footprint =
        Some(square(-200.0, -100.0, 400.0, 300.0));
    let river = rows.add(EntityKind::Water, Some(0), "柳河", [0.0, -240.0, -2.6]);
    river.footprint = Some(square(-HALF_M, -HALF_M, 2.0 * HALF_M, 112.0));
    for k in 0..12 {
        let (x, y) = (-180.0 + f64::from(k % 4) * 95.0, -90.0 + f64::from(k / 4) * 95.0);
        let z = ground_z(x + 20.0, y + 7.0);
        let height = 18.0 + f64::from((k * 7) % 5) * 14.0;
        let b = rows.add(EntityKind::Building, Some(2), &format!("{}号楼", k + 1), [x + 20.0, y + 7.0, z]);
        b.footprint = Some(square(x, y, 40.0, 14.0));
        b.height_m = height;
        b.class = "住宅".into();
        let id = b.id.0;
        rows.add(EntityKind::Unit, Some(id), "1单元", [x + 10.0, y, z]);
        let d = rows.add(EntityKind::Device, Some(id), &format!("{}号楼烟感", k + 1), [x + 4.0, y - 0.3, z + 3.0]);
        d.class = "smoke".into();
    }
    for k in 0..8 {
        let (x, y) = (-210.0 + f64::from(k) * 58.0, -140.0 + f64::from(k % 2) * 60.0);
        let z = ground_z(x, y) + 5.0;
        let c = rows.add(EntityKind::Camera, Some(1), &format!("路口{}号枪机", k + 1), [x, y, z]);
        c.base_z_m = z - 5.0;
        c.camera =
            Some(CameraView { heading_deg: f64::from(k) * 47.0, pitch_deg: -12.0, hfov_deg: 58.0, range_m: 45.0 });
    }
    let gauge = rows.add(EntityKind::Device, Some(0), "柳河水位站", [30.0, -186.0, ground_z(30.0, -186.0)]);
    gauge.class = "river_level".into();
    rows.0
}

/// Extruded footprints with one feature per building.
fn building_model(entities: &[Entity]) -> GlbModel {
    let mut p =
        Primitive { normals: Some(vec![]), colours: Some(vec![]), feature_ids: Some(vec![]), ..Default::default() };
    let mut ids = Vec::new();
    for (feature, b) in entities.iter().filter(|e| e.kind == EntityKind::Building).enumerate() {
        ids.push(b.id.0);
        let ring = &b.footprint.as_ref().unwrap().0[0];
        let (lo, hi) = (b.base_z_m as f32 - 1.0, (b.base_z_m + b.height_m) as f32);
        let at = |k: usize, z: f32| [ring[k % 4][0] as f32, ring[k % 4][1] as f32, z];
        let mut quad = |corners: [[f32; 3]; 4], normal: [f32; 3], colour: [u8; 4]| {
            let first = p.positions.len() as u32;
            p.positions.extend(corners);
            p.normals.as_mut().unwrap().extend([normal; 4]);
            p.colours.as_mut().unwrap().extend([colour; 4]);
            p.feature_ids.as_mut().unwrap().extend([feature as u32; 4]);
            p.indices.extend([0, 1, 2, 0, 2, 3].map(|i| first + i));
        };
        let normals = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]];
        for (k, normal) in normals.into_iter().enumerate() {
            quad([at(k, lo), at(k + 1, lo), at(k + 1, hi), at(k, hi)], normal, [168, 158, 140, 255]);
        }
        quad([at(0, hi), at(1, hi), at(2, hi), at(3, hi)], [0.0, 0.0, 1.0], [98, 60, 46, 255]);
    }
    p.material = Material { roughness: 0.8, ..Default::default() };
    let features = PropertyTable {
        class: "building".into(),
        columns: vec![Column { name: "entity".into(), values: ColumnValues::U32(ids) }],
    };
    GlbModel { primitives: vec![p], images: vec![], features: Some(features) }
}

fn terrain_model(step_m: f64) -> GlbModel {
    let n = (2.0 * HALF_M / step_m) as u32 + 1;
    let mut p = Primitive { colours: Some(vec![]), ..Default::default() };
    for j in 0..n {
        for i in 0..n {
            let (x, y) = (-HALF_M + f64::from(i) * step_m, -HALF_M + f64::from(j) * step_m);
            p.positions.push([x as f32, y as f32, ground_z(x, y) as f32]);
            p.colours.as_mut().unwrap().push(if y < -185.0 { [92, 78, 56, 255] } else { [72, 104, 46, 255] });
        }
    }
    for j in 0..n - 1 {
        for i in 0..n - 1 {
            let a = j * n + i;
            p.indices.extend([a, a + 1, a + n, a + 1, a + n + 1, a + n]);
        }
    }
    GlbModel { primitives: vec![p], ..Default::default() }
}

fn write_layer(dir: &Path, name: &str, origin: &Origin, models: &[(GlbModel, f64)]) {
    let folder = dir.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let volume = || BoundingVolume::from_min_max([-HALF_M, -HALF_M, -10.0], [HALF_M, HALF_M, 90.0]);
    let mut tile: Option<Tile> = None;
    for (i, (model, error)) in models.iter().enumerate() {
        let file = format!("{i}.glb");
        std::fs::write(folder.join(&file), write_glb(model)).unwrap();
        let mut next = Tile::new(volume(), *error);
        next.content = Some(Content::new(file));
        next.refine = Some(Refine::Replace);
        next.children = tile.take().into_iter().collect();
        tile = Some(next);
    }
    let mut root = tile.unwrap();
    root.transform = Some(enu_to_ecef_transform(origin.lon_deg, origin.lat_deg, origin.height_m));
    std::fs::write(folder.join("tileset.json"), Tileset::new(200.0, root).to_json()).unwrap();
}

fn terrain_raster(origin: &Origin) -> Terrain {
    let projector = Projector::new(Crs::from_epsg(EPSG).unwrap(), origin.frame());
    let centre = projector.crs_from_enu([0.0, 0.0, 0.0]).unwrap();
    let (n, dx_m) = (300_u32, 2.0);
    let (x0, y0) = ((centre[0] - HALF_M).floor(), (centre[1] - HALF_M).floor());
    let bed_m = (0..n * n)
        .map(|k| {
            let plane = [x0 + (f64::from(k % n) + 0.5) * dx_m, y0 + (f64::from(k / n) + 0.5) * dx_m, origin.height_m];
            let enu = projector.enu_from_crs(plane).unwrap();
            (ground_z(enu[0], enu[1]) + origin.height_m) as f32
        })
        .collect();
    Terrain { epsg: EPSG, x0, y0, dx_m, nx: n, ny: n, bed_m }
}

const DEVICE_TYPES: &str = r#"
[property.smoke]
name = "烟感"
unit = "1"
min = 0
max = 1
states = ["正常", "报警"]
[property.water_level_m]
name = "水位"
unit = "m"
min = -5
max = 60
[class.smoke]
name = "烟感"
properties = ["smoke"]
expected_interval_s = 60
[class.river_level]
name = "水位站"
properties = ["water_level_m"]
expected_interval_s = 60
"#;

/// Writes the pack into an existing folder. Returns its entities.
pub fn write(dir: &Path) -> Vec<Entity> {
    let origin = Origin { lon_deg: 114.31, lat_deg: 30.52, height_m: 24.0 };
    let entities = entities();
    let put = |name: &str, bytes: &[u8]| std::fs::write(dir.join(name), bytes).unwrap();
    let mut table = Vec::new();
    write_entities(&entities, &origin, &mut table).unwrap();
    put("entities.fgb", &table);
    put("device_types.toml", DEVICE_TYPES.as_bytes());
    put("bindings.csv", b"topic,entity_id,property,unit,payload_path,expected_interval_s,range_min,range_max\n");
    put("terrain.tif", &terrain_raster(&origin).to_geotiff().unwrap());
    write_layer(dir, "terrain", &origin, &[(terrain_model(5.0), 0.0), (terrain_model(60.0), 6.0)]);
    write_layer(dir, "buildings", &origin, &[(building_model(&entities), 0.0)]);
    let layer = |id: &str, name: &str, kind| Layer {
        id: id.into(),
        name: name.into(),
        name_en: id.into(),
        kind,
        tileset: format!("{id}/tileset.json"),
    };
    let manifest = Manifest {
        format: FORMAT.into(),
        version: VERSION,
        community: Community { id: "tiny".into(), name: "试验社区".into(), ..Default::default() },
        origin,
        crs: PackCrs { epsg: EPSG, wkt: String::new() },
        vertical_datum: "1985国家高程基准".into(),
        bounds_enu: [[-HALF_M, -HALF_M, -10.0], [HALF_M, HALF_M, 90.0]],
        layers: vec![layer("terrain", "地形", LayerKind::Terrain), layer("buildings", "建筑", LayerKind::Buildings)],
        terrain: Some(TerrainRef { path: "terrain.tif".into(), epsg: EPSG, manning: BTreeMap::new(), landcover: None }),
        home: CameraPose { eye_enu: [-330.0, -460.0, 260.0], target_enu: [10.0, -20.0, 5.0] },
        files: PackFiles::default(),
        provenance: vec![],
        entities: entities.len(),
    };
    put("community.json", manifest.to_json().as_bytes());
    entities
}

/// Writes a finished run as a server would serve it: water that rises from the river over an hour.
pub fn write_run(dir: &Path, barrier_y: Option<f64>) {
    use community_pack::run_folder::{encode_bed, encode_depth, frame_name};
    use twin_model::{Forcing, GridSpec, RunSummary, Scenario, ScenarioBase, TimeMs};
    std::fs::create_dir_all(dir).unwrap();
    let origin = Origin { lon_deg: 114.31, lat_deg: 30.52, height_m: 24.0 };
    let terrain = terrain_raster(&origin);
    let grid =
        GridSpec { epsg: EPSG, x0: terrain.x0, y0: terrain.y0, dx_m: terrain.dx_m, nx: terrain.nx, ny: terrain.ny };
    let put = |name: &str, bytes: &[u8]| std::fs::write(dir.join(name), bytes).unwrap();
    let cells = (grid.nx * grid.ny) as usize;
    let y_of = |k: usize| -HALF_M + (k as f64 / f64::from(grid.nx)) * grid.dx_m;
    let depth_at = |t_s: f64| -> Vec<f32> {
        let level = 24.0 - 2.6 + 4.6 * t_s / 3600.0;
        let held = |k: usize| barrier_y.is_some_and(|y| y_of(k) > y);
        (0..cells).map(|k| if held(k) { 0.0 } else { (level - f64::from(terrain.bed_m[k])).max(0.0) as f32 }).collect()
    };
    put("grid.json", serde_json::to_string(&grid).unwrap().as_bytes());
    put("bed.q", &encode_bed(grid.nx, grid.ny, &terrain.bed_m));
    let times: Vec<f64> = (0..=12).map(|k| f64::from(k) * 300.0).collect();
    for (k, t_s) in times.iter().enumerate() {
        put(&frame_name(k as u32), &encode_depth(grid.nx, grid.ny, *t_s, &depth_at(*t_s)));
    }
    put("max_depth.q", &encode_depth(grid.nx, grid.ny, 3600.0, &depth_at(3600.0)));
    let scenario = Scenario {
        name: "试验涨水".into(),
        base: ScenarioBase::Live,
        duration_s: 3600.0,
        frame_interval_s: 300.0,
        cell_m: 2.0,
        local_time_steps: false,
        seed: 1,
        members: 0,
        correct: false,
        forcing: Forcing::default(),
        buildings: twin_model::BuildingMode::Blocked,
        sewers: twin_model::SewerMode::None,
        interventions: vec![],
        edits: vec![],
    };
    let summary = RunSummary {
        scenario,
        started_from: TimeMs(1_790_000_000_000),
        live_inputs: vec![],
        grid,
        frame_times_s: times,
        steps: 1,
        volume_start_m3: 0.0,
        volume_end_m3: 1.0,
        rain_m3: 0.0,
        inflow_m3: 1.0,
        outflow_m3: 0.0,
        mass_error: 0.0,
        flooded_area_m2: 1.0,
        max_depth_m: 2.0,
        checksum: String::new(),
        kernel: "test".into(),
        affected: vec![(EntityId(4), 0.42, 2400.0)],
        impact: twin_model::FloodImpact::default(),
    };
    put("run.json", serde_json::to_string(&summary).unwrap().as_bytes());
}
