//! When people are where: share of the greatest number, by use, kind of day and hour.

use twin_model::{DayKind, SpaceUse};

/// Hours from 0 to 24, share of the greatest number. Offices, schools and shops: GB 50189-2015 appendix B, hourly occupancy of rooms;
/// from memory; where it has 0, 0.02 for guards and late workers (our choice).
const OFFICE: [f64; 24] = [
    0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.10, 0.50, 0.95, 0.95, 0.95, 0.80, 0.80, 0.95, 0.95, 0.95, 0.95, 0.30, 0.30,
    0.02, 0.02, 0.02, 0.02, 0.02,
];
/// The same source has 0; a twentieth comes by day (our choice).
const OFFICE_REST: [f64; 24] = [
    0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05, 0.02,
    0.02, 0.02, 0.02, 0.02, 0.02,
];
const SHOP: [f64; 24] = [
    0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.02, 0.20, 0.50, 0.80, 0.80, 0.80, 0.80, 0.80, 0.80, 0.80, 0.80, 0.80, 0.80,
    0.70, 0.50, 0.02, 0.02, 0.02,
];
/// Mid-rise flats of the US Department of Energy's reference buildings (Deru et al., NREL/TP-5500-46861, 2011); from memory.
const DWELLING: [f64; 24] = [
    1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.85, 0.39, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0.30, 0.52, 0.87, 0.87,
    0.87, 1.0, 1.0, 1.0,
];
/// More at home by day than on working days (our choice).
const DWELLING_REST: [f64; 24] = [
    1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.95, 0.8, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.87, 0.87, 0.87, 1.0,
    1.0, 1.0,
];
/// Drivers come and go (our choice).
const PARKING: [f64; 24] = [
    0.02, 0.02, 0.02, 0.02, 0.02, 0.05, 0.2, 0.5, 0.5, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.5, 0.5, 0.3, 0.2, 0.1,
    0.05, 0.02,
];

/// Share of the greatest number of people in spaces of a use (在室率), 0 to 1; `hour` is taken modulo 24.
#[must_use]
pub fn hour_share(of: SpaceUse, day: DayKind, hour: f64) -> f64 {
    let k = (hour.rem_euclid(24.0) as usize).min(23);
    match (of, day) {
        (SpaceUse::Office | SpaceUse::Assembly, DayKind::Work) => OFFICE[k],
        (SpaceUse::Office | SpaceUse::Assembly, DayKind::Rest) => OFFICE_REST[k],
        (SpaceUse::Shop, _) => SHOP[k],
        (SpaceUse::Dwelling, DayKind::Work) => DWELLING[k],
        (SpaceUse::Dwelling, DayKind::Rest) => DWELLING_REST[k],
        (SpaceUse::Parking, _) => PARKING[k],
        _ => 1.0,
    }
}
