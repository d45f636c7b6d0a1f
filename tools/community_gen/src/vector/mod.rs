//! Vector deliveries: the building shapefile and the community GeoPackage.

mod writer;

use std::path::Path;

use crate::error::GenError;
use crate::geom::{Pt, area, rect, ribbon};
use crate::layout::river_parallel;
use crate::plan::{AreaKind, CommunityPlan, LaneKind, SIZE_M};
use crate::terrain::{BANK_TO_CREST_M, CREST_M, GAP_SILL_M, RIVER_LEVEL_M, bank_at};
use writer::{LayerSpec, Shape, Value, VectorFile};

/// Writes `buildings.shp` with its companions, attributes in GBK.
pub fn write_buildings(plan: &CommunityPlan, path: &Path) -> Result<(), GenError> {
    let mut file = VectorFile::create("ESRI Shapefile", path)?;
    let spec = LayerSpec {
        name: "buildings",
        kind: 'a',
        fields: &[
            ("BLDG_ID", 's', 16),
            ("NAME", 's', 60),
            ("ESTATE", 's', 60),
            ("USE", 's', 24),
            ("FLOORS", 'i', 4),
            ("HEIGHT", 'r', 10),
            ("UNITS", 'i', 4),
            ("YEAR", 'i', 5),
            ("ADDR", 's', 120),
            ("BASE_Z", 'r', 10),
        ],
        options: &["ENCODING=GBK", "DBF_DATE_LAST_UPDATE=2026-01-01"],
    };
    let rows = plan.buildings.iter().map(|b| {
        let estate = b.lot.map_or("", |l| plan.lots[l].name);
        let values: Vec<Value> = vec![
            b.id.as_str().into(),
            b.name.as_str().into(),
            estate.into(),
            b.usage.zh().into(),
            b.floors.into(),
            b.height_m.into(),
            b.units.into(),
            b.year.into(),
            b.address.as_str().into(),
            b.base_z.into(),
        ];
        (Shape::Polygon(&b.ring), values)
    });
    file.layer(&spec, rows)?;
    file.close()
}

/// Writes `community.gpkg`.
pub fn write_geopackage(plan: &CommunityPlan, path: &Path) -> Result<(), GenError> {
    let mut file = VectorFile::create("GPKG", path)?;
    spine(&mut file, plan)?;
    roads(&mut file, plan)?;
    water_and_green(&mut file, plan)?;
    drains(&mut file, plan)?;
    points(&mut file, plan)?;
    landcover(&mut file, plan)?;
    file.close()
}

fn spec<'a>(name: &'a str, kind: char, fields: &'a [writer::Field]) -> LayerSpec<'a> {
    LayerSpec { name, kind, fields, options: &["GEOMETRY_NAME=geom"] }
}

fn spine(file: &mut VectorFile, plan: &CommunityPlan) -> Result<(), GenError> {
    let homes = |lot: usize| {
        plan.addresses.iter().filter(|a| a.kind == "household" && plan.buildings[a.building].lot == Some(lot)).count()
            as u32
    };
    let fields = [
        ("code", 's', 0),
        ("name", 's', 0),
        ("kind", 's', 0),
        ("grid", 's', 0),
        ("address", 's', 0),
        ("year", 'i', 0),
        ("households", 'i', 0),
    ];
    file.layer(
        &spec("estates", 'a', &fields),
        plan.lots.iter().enumerate().map(|(i, l)| {
            let values: Vec<Value> = vec![
                l.code.as_str().into(),
                l.name.into(),
                l.kind.zh().into(),
                plan.grids[l.grid].code.as_str().into(),
                l.address.as_str().into(),
                l.year.into(),
                homes(i).into(),
            ];
            (Shape::Polygon(&l.ring), values)
        }),
    )?;
    let fields =
        [("code", 's', 0), ("name", 's', 0), ("full_code", 's', 0), ("area_m2", 'r', 0), ("households", 'i', 0)];
    file.layer(
        &spec("grids", 'a', &fields),
        plan.grids.iter().enumerate().map(|(i, g)| {
            let households =
                plan.addresses.iter().filter(|a| a.kind == "household" && plan.buildings[a.building].grid == i).count()
                    as u32;
            let values: Vec<Value> = vec![
                g.code.as_str().into(),
                g.name.as_str().into(),
                format!("{}{}", crate::plan::DIVISION, g.code).into(),
                area(&g.ring).into(),
                households.into(),
            ];
            (Shape::Polygon(&g.ring), values)
        }),
    )
}

fn roads(file: &mut VectorFile, plan: &CommunityPlan) -> Result<(), GenError> {
    let fields = [
        ("code", 's', 0),
        ("name", 's', 0),
        ("class", 's', 0),
        ("width_m", 'r', 0),
        ("lanes", 'i', 0),
        ("surface", 's', 0),
        ("note", 's', 0),
    ];
    let streets = plan.streets.iter().map(|s| {
        let under = s.name == "云锦路";
        let values: Vec<Value> = vec![
            s.code.as_str().into(),
            s.name.into(),
            s.class.into(),
            s.carriage_m.into(),
            ((s.carriage_m / 3.5) as u32).max(2).into(),
            "沥青".into(),
            if under { "下穿望江大道，最低点易积水" } else { "" }.into(),
        ];
        (Shape::Line(&s.line), values)
    });
    let lanes = plan.lanes.iter().enumerate().map(|(i, l)| {
        let (class, surface) = match l.kind {
            LaneKind::Internal => ("内部道路", "混凝土"),
            LaneKind::Path => ("步道", "铺装"),
            LaneKind::Promenade => ("堤顶步道", "铺装"),
        };
        let name = l.lot.map_or("滨江", |k| plan.lots[k].name);
        let values: Vec<Value> = vec![
            format!("LN{:03}", i + 1).into(),
            format!("{name}{class}").into(),
            class.into(),
            l.width_m.into(),
            u32::from(l.kind == LaneKind::Internal).into(),
            surface.into(),
            "".into(),
        ];
        (Shape::Line(&l.line), values)
    });
    file.layer(&spec("roads", 'l', &fields), streets.chain(lanes))
}

/// The river's polygon: from its bank to the south edge of the plan.
fn river() -> Vec<Pt> {
    let mut ring = vec![[0.0, 0.0], [SIZE_M[0], 0.0]];
    ring.extend(river_parallel(0.0).into_iter().rev());
    ring
}

fn water_and_green(file: &mut VectorFile, plan: &CommunityPlan) -> Result<(), GenError> {
    let fields = [("code", 's', 0), ("name", 's', 0), ("kind", 's', 0), ("area_m2", 'r', 0)];
    let greens: Vec<_> = plan
        .areas
        .iter()
        .filter(|a| matches!(a.kind, AreaKind::Lawn | AreaKind::Garden | AreaKind::Field | AreaKind::Plots))
        .collect();
    file.layer(
        &spec("greens", 'a', &fields),
        greens.iter().enumerate().map(|(i, a)| {
            let name = if a.name.is_empty() { a.lot.map_or("", |l| plan.lots[l].name) } else { a.name };
            (
                Shape::Polygon(&a.ring),
                vec![format!("GR{:03}", i + 1).into(), name.into(), a.kind.zh().into(), area(&a.ring).into()],
            )
        }),
    )?;
    let river = river();
    let fields = [("code", 's', 0), ("name", 's', 0), ("kind", 's', 0), ("level_m", 'r', 0), ("bed_m", 'r', 0)];
    let ponds = plan.areas.iter().filter(|a| a.kind == AreaKind::Pond).enumerate().map(|(i, a)| {
        let level = plan.ground(crate::geom::centroid(&a.ring)) + 1.1;
        let values: Vec<Value> =
            vec![format!("WT{:02}", i + 2).into(), a.name.into(), "池塘".into(), level.into(), (level - 1.1).into()];
        (Shape::Polygon(&a.ring), values)
    });
    let main = (
        Shape::Polygon(river.as_slice()),
        vec!["WT01".into(), "柳江".into(), "河流".into(), RIVER_LEVEL_M.into(), 12.4.into()],
    );
    file.layer(&spec("water", 'a', &fields), std::iter::once(main).chain(ponds))?;
    let fields = [("code", 's', 0), ("name", 's', 0), ("kind", 's', 0), ("crest_m", 'r', 0)];
    let crest = river_parallel(BANK_TO_CREST_M);
    let half = 8.0;
    let part = |keep: &dyn Fn(f64) -> bool| -> Vec<Pt> { crest.iter().copied().filter(|p| keep(p[0])).collect() };
    let edge = |x: f64| [x, bank_at(x) + BANK_TO_CREST_M];
    let mut west = part(&|x| x < plan.gap[0] - half);
    west.push(edge(plan.gap[0] - half));
    let mut east = vec![edge(plan.gap[0] + half)];
    east.extend(part(&|x| x > plan.gap[0] + half));
    let gate = [edge(plan.gap[0] - half), edge(plan.gap[0] + half)];
    let rows = [
        (Shape::Line(&west), vec!["EB01".into(), "柳江左岸堤防西段".into(), "堤防".into(), CREST_M.into()]),
        (Shape::Line(&gate), vec!["EB02".into(), "柳湾防洪闸口".into(), "闸口".into(), GAP_SILL_M.into()]),
        (Shape::Line(&east), vec!["EB03".into(), "柳江左岸堤防东段".into(), "堤防".into(), CREST_M.into()]),
    ];
    file.layer(&spec("embankment", 'l', &fields), rows)
}

fn drains(file: &mut VectorFile, plan: &CommunityPlan) -> Result<(), GenError> {
    let nodes = &plan.drainage.manholes;
    let fields = [
        ("code", 's', 0),
        ("kind", 's', 0),
        ("from_code", 's', 0),
        ("to_code", 's', 0),
        ("diameter_mm", 'i', 0),
        ("length_m", 'r', 0),
        ("invert_up_m", 'r', 0),
        ("invert_down_m", 'r', 0),
        ("material", 's', 0),
        ("roughness_n", 'r', 0),
    ];
    let lines: Vec<[Pt; 2]> = plan.drainage.pipes.iter().map(|p| [nodes[p.from].at, nodes[p.to].at]).collect();
    let rows = plan.drainage.pipes.iter().zip(&lines).map(|(p, line)| {
        let values: Vec<Value> = vec![
            p.code.as_str().into(),
            "雨水".into(),
            nodes[p.from].code.as_str().into(),
            nodes[p.to].code.as_str().into(),
            p.diameter_mm.into(),
            crate::geom::length(line).into(),
            p.invert_up_m.into(),
            p.invert_down_m.into(),
            if p.diameter_mm > 300 { "钢筋混凝土" } else { "HDPE" }.into(),
            0.013.into(),
        ];
        (Shape::Line(line.as_slice()), values)
    });
    file.layer(&spec("drains", 'l', &fields), rows)?;
    let fields = [
        ("code", 's', 0),
        ("kind", 's', 0),
        ("ground_m", 'r', 0),
        ("invert_m", 'r', 0),
        ("diameter_m", 'r', 0),
        ("outlet", 's', 0),
        ("estate", 's', 0),
        ("grid", 's', 0),
    ];
    let rows = nodes.iter().map(|m| {
        let values: Vec<Value> = vec![
            m.code.as_str().into(),
            m.water.zh().into(),
            m.ground_m.into(),
            m.invert_m.into(),
            1.0.into(),
            m.outlet.zh().into(),
            m.lot.map_or("", |l| plan.lots[l].name).into(),
            plan.grids[plan.grid_at(m.at)].code.as_str().into(),
        ];
        (Shape::Point(m.at), values)
    });
    file.layer(&spec("manholes", 'p', &fields), rows)
}

fn points(file: &mut VectorFile, plan: &CommunityPlan) -> Result<(), GenError> {
    let fields = [
        ("code", 's', 0),
        ("code_system", 's', 0),
        ("class", 's', 0),
        ("name", 's', 0),
        ("owner", 's', 0),
        ("state", 's', 0),
        ("grid", 's', 0),
        ("z_m", 'r', 0),
        ("heading_deg", 'r', 0),
    ];
    let rows = plan.components.iter().map(|c| {
        let values: Vec<Value> = vec![
            c.code.as_str().into(),
            "GB/T 30428.2".into(),
            c.class.into(),
            c.name.as_str().into(),
            c.owner.into(),
            "完好".into(),
            plan.grids[plan.grid_at(c.at)].code.as_str().into(),
            plan.ground(c.at).into(),
            c.heading_deg.into(),
        ];
        (Shape::Point(c.at), values)
    });
    file.layer(&spec("components", 'p', &fields), rows)?;
    let fields = [
        ("code", 's', 0),
        ("name", 's', 0),
        ("estate", 's', 0),
        ("width_m", 'r', 0),
        ("vehicle", 'i', 0),
        ("heading_deg", 'r', 0),
    ];
    let rows = plan.gates.iter().map(|g| {
        let values: Vec<Value> = vec![
            g.code.as_str().into(),
            g.name.as_str().into(),
            plan.lots[g.lot].name.into(),
            g.width_m.into(),
            u32::from(g.cars).into(),
            g.out[0].atan2(g.out[1]).to_degrees().rem_euclid(360.0).into(),
        ];
        (Shape::Point(g.at), values)
    });
    file.layer(&spec("gates", 'p', &fields), rows)
}

/// Land cover with Manning roughness and runoff coefficient. Later rows lie on top of earlier ones.
fn landcover(file: &mut VectorFile, plan: &CommunityPlan) -> Result<(), GenError> {
    let mut rows: Vec<(Vec<Pt>, &str, f64, f64)> = vec![(rect(0.0, 0.0, SIZE_M[0], SIZE_M[1]), "草地", 0.035, 0.25)];
    rows.push((river(), "水面", 0.028, 1.0));
    for s in &plan.streets {
        rows.push((ribbon(&s.line, s.redline_m), "铺装", 0.016, 0.85));
    }
    for lot in &plan.lots {
        rows.push((lot.ring.clone(), "铺装", 0.016, 0.85));
    }
    for a in &plan.areas {
        let (name, n, runoff) = match a.kind {
            AreaKind::Lawn | AreaKind::Field => ("草地", 0.035, 0.2),
            AreaKind::Garden => ("灌木绿化", 0.06, 0.15),
            AreaKind::Plots => ("菜地", 0.04, 0.2),
            AreaKind::Pond => ("水面", 0.028, 1.0),
            AreaKind::Yard => ("裸土场院", 0.025, 0.5),
            AreaKind::Parking => ("沥青", 0.014, 0.9),
            _ => ("铺装", 0.016, 0.85),
        };
        rows.push((a.ring.clone(), name, n, runoff));
    }
    for l in plan.lanes.iter().filter(|l| l.kind == LaneKind::Internal) {
        for w in l.line.windows(2) {
            rows.push((ribbon(w, l.width_m), "混凝土", 0.014, 0.9));
        }
    }
    for s in &plan.streets {
        rows.push((ribbon(&s.line, s.carriage_m), "沥青", 0.014, 0.9));
    }
    for b in &plan.buildings {
        rows.push((b.ring.clone(), "屋面", 0.012, 0.95));
    }
    let fields = [("code", 's', 0), ("cover", 's', 0), ("manning_n", 'r', 0), ("runoff", 'r', 0), ("rank", 'i', 0)];
    let features = rows.iter().enumerate().map(|(i, (ring, cover, n, runoff))| {
        let values: Vec<Value> =
            vec![format!("LC{:04}", i + 1).into(), (*cover).into(), (*n).into(), (*runoff).into(), (i as u32).into()];
        (Shape::Polygon(ring.as_slice()), values)
    });
    file.layer(&spec("landcover", 'a', &fields), features)
}
