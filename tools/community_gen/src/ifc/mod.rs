//! The BIM delivery: one tower of the community as IFC4, storey by storey, room by room.

mod floor;
mod kit;
mod step;
mod storey;

use std::path::Path;

use crate::error::GenError;
use crate::plan::{Building, CommunityPlan, crs_xy};
use kit::Kit;
use step::{Id, Step, guid, real, text};

/// Writes the tower; gives the number of STEP instances.
pub fn write(plan: &CommunityPlan, path: &Path) -> Result<usize, GenError> {
    let b = &plan.buildings[plan.ifc_building];
    let estate = b.lot.map_or("", |l| plan.lots[l].name);
    let (mut kit, building, placement) = frame_work(b, estate);
    let mut storeys = Vec::new();
    for level in 1..=b.floors as i32 {
        let storey = storey::write(&mut kit, b, placement, level)
            .map_err(|reason| GenError::Encode { path: path.to_owned(), reason })?;
        storeys.push(storey);
    }
    storeys.push(storey::roof(&mut kit, b, placement));
    kit.aggregate("building", building, &storeys);
    storey::households(&mut kit, b);
    let text = kit.step.file("tower_01.ifc", "ViewDefinition [ReferenceView]");
    crate::tables::write_text(path, &text)?;
    Ok(kit.step.len())
}

/// Project, units, map conversion, site and building.
fn frame_work(b: &Building, estate: &str) -> (Kit, Id, Id) {
    let mut s = Step::default();
    let length = s.add("IFCSIUNIT(*,.LENGTHUNIT.,$,.METRE.)");
    let area = s.add("IFCSIUNIT(*,.AREAUNIT.,$,.SQUARE_METRE.)");
    let volume = s.add("IFCSIUNIT(*,.VOLUMEUNIT.,$,.CUBIC_METRE.)");
    let angle = s.add("IFCSIUNIT(*,.PLANEANGLEUNIT.,$,.RADIAN.)");
    let units = s.add(&format!("IFCUNITASSIGNMENT(({length},{area},{volume},{angle}))"));
    let origin = s.add("IFCCARTESIANPOINT((0.,0.,0.))");
    let world = s.add(&format!("IFCAXIS2PLACEMENT3D({origin},$,$)"));
    let context = s.add(&format!("IFCGEOMETRICREPRESENTATIONCONTEXT($,'Model',3,1.E-05,{world},$)"));
    let body =
        s.add(&format!("IFCGEOMETRICREPRESENTATIONSUBCONTEXT('Body','Model',*,*,*,*,{context},$,.MODEL_VIEW.,$)"));
    let project = s.add(&format!("IFCPROJECT({},$,{},$,$,$,$,({context}),{units})", guid("project"), text(estate)));
    let crs = s.add(&format!(
        "IFCPROJECTEDCRS('EPSG:4547','CGCS2000 / 3-degree Gauss-Kruger CM 114E','CGCS2000',{},'Gauss-Kruger','114E',{length})",
        text("1985国家高程基准")
    ));
    let [e, n] = crs_xy(b.frame.origin);
    s.add(&format!(
        "IFCMAPCONVERSION({context},{crs},{},{},{},{:.9},{:.9},1.)",
        real(e),
        real(n),
        real(b.base_z),
        b.frame.axis[0],
        b.frame.axis[1]
    ));
    let mut kit = Kit::new(s, body);
    let site_at = kit.placement(None, [0.0; 3], None);
    let site = kit.step.add(&format!(
        "IFCSITE({},$,{},$,$,{site_at},$,$,.ELEMENT.,$,$,$,$,$)",
        guid("site"),
        text("柳湾社区")
    ));
    let building_at = kit.placement(Some(site_at), [0.0; 3], None);
    let name = format!("{estate}{}", b.name);
    let building = kit.step.add(&format!(
        "IFCBUILDING({},$,{},{},$,{building_at},$,{},.ELEMENT.,{},$,$)",
        guid("building"),
        text(&name),
        text(&b.id),
        text(&b.address),
        real(b.base_z)
    ));
    kit.aggregate("project", project, &[site]);
    kit.aggregate("site", site, &[building]);
    kit.pset(
        building,
        "building",
        "Pset_BuildingCommon",
        &[
            ("Reference", format!("IFCIDENTIFIER({})", text(&b.id))),
            ("NumberOfStoreys", format!("IFCINTEGER({})", b.floors)),
            ("YearOfConstruction", format!("IFCLABEL('{}')", b.year)),
            ("OccupancyType", format!("IFCLABEL({})", text(b.usage.zh()))),
        ],
    );
    (kit, building, building_at)
}
