//! Units, storeys and households under the buildings.

use crate::plan::{Address, CommunityPlan};

/// Numbers every unit, storey and household. Codes hang on the building's code: `LW01001-U1-F03-0302`.
pub fn number(plan: &CommunityPlan) -> Vec<Address> {
    let mut out = Vec::new();
    for (index, b) in plan.buildings.iter().enumerate() {
        if b.units == 0 {
            for floor in 1..=b.floors as i32 {
                out.push(Address {
                    code: format!("{}-F{floor:02}", b.id),
                    parent: b.id.clone(),
                    kind: "storey",
                    name: format!("{floor}层"),
                    building: index,
                    storey: floor,
                    unit: 0,
                });
            }
            continue;
        }
        for unit in 1..=b.units {
            let unit_code = format!("{}-U{unit}", b.id);
            out.push(Address {
                code: unit_code.clone(),
                parent: b.id.clone(),
                kind: "unit",
                name: format!("{unit}单元"),
                building: index,
                storey: 0,
                unit,
            });
            // a house is one household over all its storeys; a flat lies on one storey
            let house = b.units == 1 && b.per_floor == 1;
            for floor in 1..=b.floors as i32 {
                let storey_code = format!("{unit_code}-F{floor:02}");
                out.push(Address {
                    code: storey_code.clone(),
                    parent: unit_code.clone(),
                    kind: "storey",
                    name: format!("{floor}层"),
                    building: index,
                    storey: floor,
                    unit,
                });
                let doors = if house { u32::from(floor == 1) } else { b.per_floor };
                for door in 1..=doors {
                    out.push(Address {
                        code: format!("{storey_code}-{floor:02}{door:02}"),
                        parent: storey_code.clone(),
                        kind: "household",
                        name: format!("{}{:02}室", floor, door),
                        building: index,
                        storey: floor,
                        unit,
                    });
                }
            }
        }
    }
    out
}
