//! Numbers that do not fit each other: elevation, roughness, river level, gauges.

use super::{Finding, FindingKind, Severity, share};
use crate::RunError;
use crate::domain::Domain;
use crate::forcing::ForcingPlan;
use community_pack::{Pack, Terrain};
use sim_flood::Forcing;

/// More than this share of blocked cells is worth a look: in dense old towns buildings cover 40 to 50 %.
const MUCH_BLOCKED: f64 = 0.6;
/// A river deeper than this at the start is more likely a wrong datum (地方高程、吴淞、1985 differ by metres).
const DEEP_RIVER_M: f64 = 15.0;
/// Manning's n that occurs on the ground of a community, s/m^(1/3): glass to dense brush (Chow 1959, table 5-6).
const MANNING: [f64; 2] = [0.009, 0.2];

pub(super) fn coverage(domain: &Domain, terrain: &Terrain, blocked_share: f64) -> Vec<Finding> {
    let mut found = Vec::new();
    let holes: Vec<bool> = terrain.bed_m.iter().map(|z| !z.is_finite()).collect();
    let without = share(&holes);
    if without > 0.0 {
        let severity = if without > 0.2 { Severity::Warning } else { Severity::Note };
        let message =
            format!("{:.1} % of the terrain has no elevation: water stops there as at a wall", without * 100.0);
        let advice = "fill the gaps of the elevation model before the import";
        found.push(Finding::new(FindingKind::NoElevation, severity, (without, "1"), message, advice));
    }
    if blocked_share > MUCH_BLOCKED {
        let severity = if blocked_share > 0.95 { Severity::Serious } else { Severity::Warning };
        let message =
            format!("{:.0} % of the cells are blocked by buildings or missing terrain", blocked_share * 100.0);
        let advice = "use smaller cells, or look for footprints that cover courts and streets";
        found.push(Finding::new(FindingKind::Blocked, severity, (blocked_share, "1"), message, advice));
    }
    if domain.spec.dx_m < 0.5 * terrain.dx_m {
        let message =
            format!("cells of {} m on a terrain of {} m: no detail is gained", domain.spec.dx_m, terrain.dx_m);
        let advice = "use the terrain's own cell size";
        found.push(Finding::new(FindingKind::CellSize, Severity::Note, (domain.spec.dx_m, "m"), message, advice));
    }
    found
}

pub(super) fn roughness(pack: &Pack, domain: &Domain) -> Result<Vec<Finding>, RunError> {
    let mut found = Vec::new();
    let finding = |severity, value, message, advice| {
        Finding::new(FindingKind::Roughness, severity, (value, "1"), message, advice)
    };
    let known = pack.manifest.terrain.as_ref().map(|t| &t.manning);
    if let Some(cover) = pack.landcover()? {
        let named: Vec<u8> = known.into_iter().flatten().filter_map(|(code, _)| code.parse().ok()).collect();
        let unknown: Vec<bool> = cover.values.iter().map(|v| !named.contains(v)).collect();
        let without = share(&unknown);
        if without > 0.0 {
            let message = format!("{:.1} % of the land cover has classes without roughness", without * 100.0);
            let severity = if without > 0.2 { Severity::Warning } else { Severity::Note };
            found.push(finding(severity, without, message, "give Manning's n for every class in the project file"));
        }
    } else {
        let message = format!("no land cover: roughness is {} everywhere", crate::domain::DEFAULT_MANNING);
        found.push(finding(Severity::Warning, 1.0, message, "deliver a land cover raster with Manning's n by class"));
    }
    let odd: Vec<bool> = domain.terrain.manning.iter().map(|n| !(MANNING[0]..=MANNING[1]).contains(n)).collect();
    let odd = share(&odd);
    if odd > 0.0 {
        let message =
            format!("{:.1} % of the cells have Manning's n outside {}..{}", odd * 100.0, MANNING[0], MANNING[1]);
        found.push(finding(Severity::Warning, odd, message, "check the roughness of the classes: unit s/m^(1/3)"));
    }
    Ok(found)
}

pub(super) fn river(domain: &Domain, forcing: &Forcing) -> Result<Vec<Finding>, RunError> {
    let mut found = Vec::new();
    let water = domain.water_cells();
    let bed = &domain.terrain.bed_m;
    let lowest = |cells: &[u32]| cells.iter().copied().min_by(|a, b| bed[*a as usize].total_cmp(&bed[*b as usize]));
    let land = (0..bed.len()).filter(|c| !water[*c] && !domain.terrain.blocked[*c]);
    let highest_land = land.map(|c| bed[c]).fold(f64::NEG_INFINITY, f64::max);
    for stage in &forcing.stages {
        let Some(deepest) = lowest(&stage.cells) else { continue };
        let bed_m = bed[deepest as usize];
        let highest = stage.series.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        let finding = |value, message, advice| {
            Finding::new(FindingKind::RiverLevel, Severity::Serious, (value, "m"), message, advice).at(domain, deepest)
        };
        let datum = "check the vertical datum of gauge and terrain (吴淞高程 and 1985国家高程基准 differ by metres)";
        if highest < bed_m {
            let message =
                format!("the river's level of at most {highest:.2} m is below its deepest bed of {bed_m:.2} m");
            found.push(finding(highest - bed_m, message, datum)?);
        } else if highest - bed_m > DEEP_RIVER_M {
            let message = format!("the river's level of {highest:.2} m stands {:.1} m over its bed", highest - bed_m);
            found.push(finding(highest - bed_m, message, datum)?);
        }
        if highest > highest_land {
            let message =
                format!("the river's level of {highest:.2} m is above all land (at most {highest_land:.2} m)");
            found.push(finding(highest - highest_land, message, datum)?);
        }
    }
    Ok(found)
}

pub(super) fn gauges(plan: &ForcingPlan, domain: &Domain) -> Result<Vec<Finding>, RunError> {
    let mut found = Vec::new();
    for p_enu in plan.rain.iter().filter_map(|r| r.p_enu) {
        if domain.terrain.grid.cell_at(domain.raster_from_enu(p_enu)?).is_none() {
            let message = "a rain gauge stands outside the raster".to_owned();
            let advice = "its rain still falls on the cells nearest to it; check its position if that is not meant";
            let finding = Finding::new(FindingKind::GaugeOutside, Severity::Note, (1.0, "1"), message, advice);
            found.push(Finding { p_enu: Some([p_enu[0], p_enu[1]]), ..finding });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tests::domain_of;
    use sim_flood::StageBoundary;

    #[test]
    fn a_river_level_in_another_datum_is_seen() {
        let mut domain = domain_of(10, 10, 2.0, |x, _| if x < 4.0 { 15.0 } else { 20.0 });
        domain.river = (0..10).map(|j| j * 10).collect();
        let cells = domain.river.clone();
        let said = |level: f64| {
            let stages = vec![StageBoundary { cells: cells.clone(), series: vec![(0.0, 15.5), (60.0, level)] }];
            let forcing = Forcing { stages, ..Forcing::default() };
            river(&domain, &forcing).unwrap().into_iter().map(|f| f.message).collect::<Vec<_>>().join("; ")
        };
        assert_eq!(said(17.0), "");
        assert!(said(21.0).contains("above all land"), "{}", said(21.0));
        assert!(said(31.0).contains("stands 16.0 m over its bed"), "{}", said(31.0));
        let low = vec![StageBoundary { cells: cells.clone(), series: vec![(0.0, 13.0)] }];
        let found = river(&domain, &Forcing { stages: low, ..Forcing::default() }).unwrap();
        assert_eq!((found[0].kind, found[0].value), (FindingKind::RiverLevel, -2.0));
        let p = found[0].p_enu.unwrap();
        assert!((p[0] + 9.0).abs() < 0.01, "{p:?}");
    }

    #[test]
    fn holes_and_blocked_cells_are_counted() {
        let domain = domain_of(10, 10, 2.0, |_, _| 0.0);
        let bed_m = (0..100).map(|c| if c < 30 { f32::NAN } else { 1.0 }).collect();
        let terrain = Terrain { epsg: 4547, x0: 0.0, y0: 0.0, dx_m: 2.0, nx: 10, ny: 10, bed_m };
        let found = coverage(&domain, &terrain, 0.7);
        let kinds: Vec<_> = found.iter().map(|f| (f.kind, f.severity)).collect();
        assert_eq!(kinds, [(FindingKind::NoElevation, Severity::Warning), (FindingKind::Blocked, Severity::Warning)]);
        assert!((found[0].value - 0.3).abs() < 1e-9);
        let whole = Terrain { bed_m: vec![1.0; 100], dx_m: 5.0, ..terrain };
        let kinds: Vec<_> = coverage(&domain, &whole, 0.1).iter().map(|f| f.kind).collect();
        assert_eq!(kinds, [FindingKind::CellSize]);
    }
}
