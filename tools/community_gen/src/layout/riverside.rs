//! The strip between the riverside road and the river.

use super::Draft;
use super::pen::{Pen, Spec};
use crate::geom::{Frame, Pt};
use crate::plan::{Area, AreaKind, Facade, Lane, LaneKind, Poi, SIZE_M, Use};
use crate::shapes;
use crate::terrain::{BANK_TO_CREST_M, BANK_TO_ROAD_M, bank_at};

/// A line that keeps its distance from the river bank.
pub fn parallel(distance_m: f64) -> Vec<Pt> {
    (0..=60).map(|k| SIZE_M[0] * f64::from(k) / 60.0).map(|x| [x, bank_at(x) + distance_m]).collect()
}

/// Promenade, foreshore path, wharf road, pump station.
pub fn draw(draft: &mut Draft, gap: Pt) {
    let mut lane = |kind, width_m, line| draft.lanes.push(Lane { kind, line, width_m, lot: None });
    lane(LaneKind::Promenade, 4.5, parallel(BANK_TO_CREST_M));
    lane(LaneKind::Path, 2.5, parallel(15.0));
    let x = gap[0];
    lane(LaneKind::Internal, 7.0, vec![[x, bank_at(x) + BANK_TO_ROAD_M + 4.0], [x, bank_at(x) + 3.0]]);
    let wharf = vec![
        [x - 34.0, bank_at(x - 34.0) - 4.0],
        [x + 30.0, bank_at(x + 30.0) - 4.0],
        [x + 30.0, bank_at(x) + 11.0],
        [x - 34.0, bank_at(x) + 11.0],
    ];
    draft.areas.push(Area {
        kind: AreaKind::Plaza,
        name: "柳湾码头",
        ring: wharf,
        frame: Frame::new(gap, 0.0),
        lot: None,
    });
    draft.pois.push(Poi {
        name: "柳湾码头".to_owned(),
        category: "交通设施",
        at: [x, bank_at(x) + 4.0],
        building: None,
    });
    draft.pois.push(Poi { name: "柳湾防洪闸口".to_owned(), category: "市政设施", at: gap, building: None });
    // steps from the road to the promenade
    for k in 1..8 {
        let x = SIZE_M[0] * (f64::from(k) + 0.2) / 8.0;
        let y = bank_at(x);
        draft.lanes.push(Lane {
            kind: LaneKind::Path,
            width_m: 2.5,
            line: vec![[x, y + BANK_TO_ROAD_M - 6.0], [x + 3.0, y + BANK_TO_CREST_M], [x, y + 15.0]],
            lot: None,
        });
    }
    margins(draft);
    pump_station(draft, gap);
}

/// Strips outside the outermost streets: belts of trees, vegetable plots.
fn margins(draft: &mut Draft) {
    let west = draft.streets[4].line[1][0] - draft.streets[4].redline_m * 0.5 - 6.0;
    let east = draft.streets[8].line[1][0] + draft.streets[8].redline_m * 0.5 + 6.0;
    for (x0, x1) in [(0.0, west), (east, SIZE_M[0])] {
        for (kind, y0, y1) in [
            (AreaKind::Garden, 250.0, 330.0),
            (AreaKind::Plots, 336.0, 440.0),
            (AreaKind::Garden, 500.0, 690.0),
            (AreaKind::Plots, 760.0, 850.0),
            (AreaKind::Garden, 856.0, 940.0),
        ] {
            let ring = crate::geom::rect(x0, y0, x1, y1);
            draft.areas.push(Area { kind, name: "", ring, frame: Frame::new([x0, y0], 0.0), lot: None });
        }
    }
}

fn pump_station(draft: &mut Draft, gap: Pt) {
    let x = gap[0] + 74.0;
    let at = [x, bank_at(x) + BANK_TO_CREST_M + 20.0];
    let lot = 1;
    let mut pen = Pen { draft, lot, frame: Frame::new(at, 0.0), w: 30.0, d: 14.0 };
    pen.rect(AreaKind::Yard, -16.0, -8.0, 16.0, 8.0);
    let spec = Spec::new("柳湾排涝泵站", Use::Utility, 1, Facade::Plain).storey(6.0);
    let b = pen.building(spec, &shapes::block(16.0, 8.5), [0.0, 0.0], 0.0);
    pen.building_poi("柳湾排涝泵站", "市政设施", b);
    if let Some(i) = b {
        let building = &mut draft.buildings[i];
        building.address = "云川区滨江路66号柳湾排涝泵站".to_owned();
        building.year = 1998;
    }
}
