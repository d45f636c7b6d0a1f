//! Stairs through storeys, ramps, lifts and balcony doors of a model that is made here, without a file.

use ifc_import::{
    Element, ElementAttributes, IfcModel, Mesh, PlanOptions, SpaceBoundary, SpatialKind, SpatialNode, TextEncoding,
    building_plan,
};
use std::collections::BTreeMap;
use twin_model::{BuildingPlan, OpeningKind, PlanDefect, SpaceIndex};

/// A model that grows.
struct Maker {
    model: IfcModel,
}

impl Maker {
    /// A building with storeys at these levels.
    fn new(levels: &[f64]) -> Self {
        let node = |record: u32, kind: SpatialKind, name: String, parent: Option<usize>| SpatialNode {
            record,
            global_id: format!("N{record}"),
            kind,
            class: format!("Ifc{kind:?}"),
            name,
            long_name: String::new(),
            parent,
            elevation_m: None,
            placement_z_m: None,
            element: None,
        };
        let mut spatial = vec![node(1, SpatialKind::Building, "B".into(), None)];
        for (i, z) in levels.iter().enumerate() {
            let mut storey = node(10 + i as u32, SpatialKind::Storey, format!("{}F", i + 1), Some(0));
            storey.elevation_m = Some(*z);
            storey.placement_z_m = Some(*z);
            spatial.push(storey);
        }
        Self {
            model: IfcModel {
                schema: "IFC4".into(),
                length_unit_m: 1.0,
                encoding: TextEncoding::Utf8,
                georeference: None,
                spatial,
                elements: Vec::new(),
                properties: BTreeMap::new(),
                boundaries: Vec::new(),
                classifications: BTreeMap::new(),
                skipped: Vec::new(),
                approximated: Vec::new(),
            },
        }
    }

    /// An element; `storey` counts from 0. Gives its index.
    fn element(&mut self, class: &str, name: &str, storey: usize, meshes: Vec<Mesh>) -> usize {
        let record = 100 + self.model.elements.len() as u32;
        self.model.elements.push(Element {
            record,
            global_id: format!("E{record}"),
            class: class.into(),
            name: name.into(),
            object_type: String::new(),
            storey: Some(1 + storey),
            space: None,
            assembly: None,
            fills: None,
            voids: None,
            attributes: ElementAttributes::default(),
            meshes,
        });
        self.model.elements.len() - 1
    }

    fn space(&mut self, name: &str, storey: usize, lo: [f64; 3], hi: [f64; 3]) -> usize {
        let element = self.element("IfcSpace", name, storey, vec![solid(lo, hi)]);
        let mut node = self.model.spatial[1 + storey].clone();
        node.kind = SpatialKind::Space;
        node.class = "IfcSpace".into();
        node.name = name.into();
        node.global_id = self.model.elements[element].global_id.clone();
        node.parent = Some(1 + storey);
        node.element = Some(element);
        self.model.spatial.push(node);
        self.model.spatial.len() - 1
    }

    fn plan(&self) -> (BuildingPlan, Vec<PlanDefect>) {
        let (mut plans, defects) = building_plan(&self.model, &PlanOptions::default()).unwrap();
        (plans.remove(0), defects)
    }
}

/// A closed solid over four corners at the bottom and four above them, anticlockwise from above.
fn hull(bottom: [[f64; 3]; 4], top: [[f64; 3]; 4]) -> Mesh {
    let corners: Vec<[f64; 3]> = bottom.into_iter().chain(top).collect();
    let mut indices = vec![0, 2, 1, 0, 3, 2, 4, 5, 6, 4, 6, 7];
    for i in 0..4_u32 {
        let j = (i + 1) % 4;
        indices.extend([i, j, 4 + j, i, 4 + j, 4 + i]);
    }
    Mesh {
        origin: [0.0; 3],
        positions: corners.iter().map(|p| p.map(|v| v as f32)).collect(),
        normals: vec![[0.0, 0.0, 1.0]; 8],
        indices,
        colour: [1.0; 4],
    }
}

fn solid(lo: [f64; 3], hi: [f64; 3]) -> Mesh {
    let ring = |z: f64| [[lo[0], lo[1], z], [hi[0], lo[1], z], [hi[0], hi[1], z], [lo[0], hi[1], z]];
    hull(ring(lo[2]), ring(hi[2]))
}

/// Nine steps of 0.28 m from `x`, rising by 1.5 m from `z`, 1.2 m wide from `y`; `back` walks towards smaller x. The
/// tenth riser leads to the floor or landing.
fn steps(x: f64, y: f64, z: f64, back: bool) -> Vec<Mesh> {
    (0..9)
        .map(|i| {
            let a = 0.28 * f64::from(i);
            let (lo, hi) = if back { (x - a - 0.28, x - a) } else { (x + a, x + a + 0.28) };
            solid([lo, y, z], [hi, y + 1.2, z + 0.15 * f64::from(i + 1)])
        })
        .collect()
}

/// Halls of 10 by 8 m on three storeys of 3 m, a front door, and one stair through all of them.
fn three_halls() -> Maker {
    let mut m = Maker::new(&[0.0, 3.0, 6.0]);
    for (i, z) in [0.0, 3.0, 6.0].into_iter().enumerate() {
        m.space(&format!("hall {}", i + 1), i, [0.0, 0.0, z], [10.0, 8.0, z + 2.8]);
    }
    let door = m.element("IfcDoor", "front", 0, vec![solid([4.0, -0.1, 0.0], [5.0, 0.0, 2.1])]);
    m.model.elements[door].attributes.width_m = Some(1.0);
    let stair = m.element("IfcStair", "S", 0, vec![]);
    for (i, z) in [0.0, 3.0].into_iter().enumerate() {
        for (x, y, z, back) in [(3.0, 2.0, z, false), (5.52, 3.4, z + 1.5, true)] {
            let flight = m.element("IfcStairFlight", "flight", i, steps(x, y, z, back));
            m.model.elements[flight].assembly = Some(stair);
        }
    }
    m
}

#[test]
fn a_stair_through_three_storeys_is_cut_at_each_floor() {
    let (plan, defects) = three_halls().plan();
    assert_eq!(defects, []);
    let joined: Vec<_> = plan.stairs.iter().map(|s| (s.lower, s.upper, s.flights.len())).collect();
    assert_eq!(joined, [(SpaceIndex(0), SpaceIndex(1), 2), (SpaceIndex(1), SpaceIndex(2), 2)]);
    let f = plan.stairs[0].flights[0];
    let near = |a: [f64; 3], b: [f64; 3]| (0..3).all(|k| (a[k] - b[k]).abs() < 1e-4);
    assert!(near(f.foot, [3.0, 2.6, 0.0]) && near(f.head, [5.52, 2.6, 1.5]), "{f:?}");
    assert!((f.width_m - 1.2).abs() < 1e-5 && (f.riser_m - 0.15).abs() < 1e-5 && (f.tread_m - 0.28).abs() < 1e-5);
    let g = plan.stairs[1].flights[1];
    assert!(near(g.foot, [5.52, 4.0, 4.5]) && near(g.head, [3.0, 4.0, 6.0]), "{g:?}");
}

#[test]
fn a_stair_that_leads_nowhere_is_named() {
    let mut m = three_halls();
    m.model.spatial.retain(|n| n.name != "hall 3");
    let (plan, defects) = m.plan();
    assert_eq!(plan.stairs.len(), 1);
    let told: Vec<String> = defects.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["stair S (E104): leads nowhere: no space at its head, level 6.00 m: left out"]);
}

#[test]
fn an_upper_door_to_the_open_air_is_no_exit() {
    let mut m = three_halls();
    m.element("IfcDoor", "balcony", 1, vec![solid([4.0, -0.1, 3.0], [5.0, 0.0, 5.1])]);
    let (plan, defects) = m.plan();
    assert_eq!(plan.openings.iter().filter(|o| o.is_exit()).count(), 1);
    let balcony = plan.openings.iter().find(|o| o.name.starts_with("balcony")).unwrap();
    assert_eq!((balcony.kind, balcony.sides.contains(&Some(SpaceIndex(1)))), (OpeningKind::Window, true));
    let told = defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.starts_with("door balcony (") && told.contains("3.0 m above the ground floor: not an exit"), "{told}");
}

#[test]
fn a_ramp_joins_two_levels() {
    let mut m = Maker::new(&[0.0]);
    m.space("low", 0, [0.0, 0.0, 0.0], [4.0, 4.0, 3.0]);
    m.space("high", 0, [10.0, 0.0, 0.5], [14.0, 4.0, 3.0]);
    let (w, e) = (4.0, 10.0);
    let bottom = [[w, 1.0, -0.2], [e, 1.0, -0.2], [e, 2.5, -0.2], [w, 2.5, -0.2]];
    let top = [[w, 1.0, 0.0], [e, 1.0, 0.5], [e, 2.5, 0.5], [w, 2.5, 0.0]];
    m.element("IfcRamp", "R", 0, vec![hull(bottom, top)]);
    let (plan, _) = m.plan();
    let [ramp] = plan.stairs.as_slice() else { panic!("{:?}", plan.stairs) };
    assert_eq!((ramp.lower, ramp.upper), (SpaceIndex(0), SpaceIndex(1)));
    let f = ramp.flights[0];
    assert_eq!((f.riser_m, f.tread_m), (0.0, 0.0));
    assert!(
        (f.run_m() - 6.0).abs() < 1e-4 && (f.width_m - 1.5).abs() < 1e-4 && (f.head[2] - 0.5).abs() < 1e-5,
        "{f:?}"
    );
}

#[test]
fn a_lift_without_a_shaft_stops_at_the_halls_beside_it() {
    let mut m = three_halls();
    // Beside the halls, as high as the building: nobody's space.
    m.element("IfcTransportElement", "L", 0, vec![solid([10.2, 2.0, 0.0], [11.8, 3.6, 2.3])]);
    m.element("IfcTransportElement", "escalator", 0, vec![solid([20.0, 2.0, 0.0], [21.0, 3.6, 2.3])]);
    let (plan, defects) = m.plan();
    let [lift] = plan.lifts.as_slice() else { panic!("{:?}", plan.lifts) };
    assert_eq!(lift.stops, [SpaceIndex(0), SpaceIndex(1), SpaceIndex(2)]);
    assert_eq!((lift.capacity, lift.speed_mps, lift.door_width_m), (13, 1.0, 0.8));
    assert_eq!(defects, []);
}

#[test]
fn a_stated_boundary_wins_over_geometry() {
    let mut m = Maker::new(&[0.0]);
    let left = m.space("left", 0, [0.0, 0.0, 0.0], [4.0, 4.0, 2.8]);
    let right = m.space("right", 0, [5.0, 0.0, 0.0], [9.0, 4.0, 2.8]);
    // Drawn a metre and a half away from the right room: no probe reaches it.
    let door = m.element("IfcDoor", "D", 0, vec![solid([4.0, 1.0, 0.0], [4.1, 2.0, 2.1])]);
    let sides = |m: &Maker| m.plan().0.openings.iter().map(|o| o.sides).collect::<Vec<_>>();
    let [one] = sides(&m)[..] else { panic!() };
    assert!(one.contains(&None) && one.contains(&Some(SpaceIndex(0))), "{one:?}");
    m.model.boundaries = [left, right].map(|space| SpaceBoundary { space, element: door }).to_vec();
    let [two] = sides(&m)[..] else { panic!() };
    assert!(two.contains(&Some(SpaceIndex(0))) && two.contains(&Some(SpaceIndex(1))), "{two:?}");
}

#[test]
fn overlapping_spaces_are_told() {
    let mut m = Maker::new(&[0.0]);
    m.space("a", 0, [0.0, 0.0, 0.0], [4.0, 4.0, 2.8]);
    m.space("b", 0, [3.0, 0.0, 0.0], [8.0, 4.0, 2.8]);
    let (_, defects) = m.plan();
    assert!(defects.iter().any(|d| d.to_string() == "space a: overlaps space b by 4.0 m2"), "{defects:?}");
}
