//! What depth and speed of water mean for people, vehicles and buildings: published classes and limits.
//!
//! Depths are metres, speeds m/s, products m²/s; all are 0 or more.

use serde::{Deserialize, Serialize};

/// Flood hazard class (洪水危险等级).
///
/// Source: Smith, Davey and Cox, "Flood hazard", UNSW Water Research Laboratory Technical Report 2014/07 (2014), the
/// combined curves; the same as table 2 of the Australian Disaster Resilience Guideline 7-3, "Flood hazard" (AIDR 2017),
/// and Australian Rainfall and Runoff (2019), book 6, table 6.7.4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HazardClass {
    /// Generally safe for vehicles, people and buildings.
    H1 = 1,
    /// Unsafe for small vehicles.
    H2,
    /// Unsafe for vehicles, children and the elderly.
    H3,
    /// Unsafe for vehicles and people.
    H4,
    /// Unsafe for vehicles and people; all buildings open to structural damage.
    H5,
    /// Unsafe for vehicles and people; all buildings open to failure.
    H6,
}

impl HazardClass {
    /// Every class, mildest first.
    pub const ALL: [Self; 6] = [Self::H1, Self::H2, Self::H3, Self::H4, Self::H5, Self::H6];

    /// Greatest depth (m), speed (m/s) and depth × speed (m²/s) of the class; H6 has no limit.
    #[must_use]
    pub const fn limits(self) -> HazardLimits {
        let (depth_m, speed_mps, product_m2ps) = match self {
            Self::H1 => (0.3, 2.0, 0.3),
            Self::H2 => (0.5, 2.0, 0.6),
            Self::H3 => (1.2, 2.0, 0.6),
            Self::H4 => (2.0, 2.0, 1.0),
            Self::H5 => (4.0, 4.0, 4.0),
            Self::H6 => (f64::INFINITY, f64::INFINITY, f64::INFINITY),
        };
        HazardLimits { depth_m, speed_mps, product_m2ps }
    }

    /// The mildest class whose three limits hold.
    ///
    /// The limits grow from class to class, so that the class of a whole event is also the class of its greatest depth,
    /// greatest speed and greatest product, whenever each of them occurs. A value that is not a number is H6.
    #[must_use]
    pub fn of(depth_m: f64, speed_mps: f64, product_m2ps: f64) -> Self {
        let holds = |class: &Self| class.limits().hold(depth_m, speed_mps, product_m2ps);
        Self::ALL.into_iter().find(holds).unwrap_or(Self::H6)
    }

    /// "H1" to "H6".
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::H1 => "H1",
            Self::H2 => "H2",
            Self::H3 => "H3",
            Self::H4 => "H4",
            Self::H5 => "H5",
            Self::H6 => "H6",
        }
    }
}

/// Three limits that must all hold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HazardLimits {
    /// Greatest depth, m.
    pub depth_m: f64,
    /// Greatest speed, m/s.
    pub speed_mps: f64,
    /// Greatest depth × speed, m²/s.
    pub product_m2ps: f64,
}

impl HazardLimits {
    /// Whether all three hold (limits included); never for a value that is not a number.
    #[must_use]
    pub fn hold(&self, depth_m: f64, speed_mps: f64, product_m2ps: f64) -> bool {
        depth_m <= self.depth_m && speed_mps <= self.speed_mps && product_m2ps <= self.product_m2ps
    }
}

/// Danger to people after the hazard rating of Defra and the Environment Agency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Danger {
    /// Rating below 0.75: caution.
    Low,
    /// 0.75 to 1.25: danger for some (children, the elderly, the infirm).
    Some,
    /// 1.25 to 2: danger for most.
    Most,
    /// 2 and above: danger for all, rescue services too.
    All,
}

impl Danger {
    /// The class of a rating.
    #[must_use]
    pub fn of(rating: f64) -> Self {
        if rating < 0.75 {
            Self::Low
        } else if rating < 1.25 {
            Self::Some
        } else if rating < 2.0 {
            Self::Most
        } else {
            Self::All
        }
    }

    /// Short tag for tables.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Some => "some",
            Self::Most => "most",
            Self::All => "all",
        }
    }
}

/// Hazard rating HR = d (v + 0.5) + DF of FD2321/TR1, "Flood risks to people: methodology" (Defra and Environment Agency
/// 2006), with classes and debris factor DF of the supplementary note on flood hazard ratings (May 2008) for urban ground:
/// 0 up to 0.25 m of water, 1 above that or faster than 2 m/s. Dry ground has rating 0.
#[must_use]
pub fn hazard_rating(depth_m: f64, speed_mps: f64) -> f64 {
    if depth_m <= 0.0 {
        return 0.0;
    }
    let debris = if depth_m > 0.25 || speed_mps > 2.0 { 1.0 } else { 0.0 };
    depth_m * (speed_mps + 0.5) + debris
}

/// Who passes a road.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traveller {
    /// People on foot, children and the elderly among them.
    Pedestrian,
    /// Small passenger cars.
    Car,
    /// Fire engines.
    FireEngine,
}

impl Traveller {
    /// All, in the order of every list of three in this crate.
    pub const ALL: [Self; 3] = [Self::Pedestrian, Self::Car, Self::FireEngine];

    /// Tag used in column names.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Pedestrian => "pedestrian",
            Self::Car => "car",
            Self::FireEngine => "fire_engine",
        }
    }
}

/// Up to which water each [`Traveller`] passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PassLimits {
    /// People on foot. Default: the low-hazard limits for children (height × mass 25 to 50 m kg) of Cox, Shand and Blacka,
    /// "Appropriate safety criteria for people", ARR revision project 10, stage 1 (2010): 0.5 m, 3 m/s, 0.4 m²/s.
    pub pedestrian: HazardLimits,
    /// Cars. Default: small passenger cars of Shand, Cox, Blacka and Smith, "Appropriate safety criteria for vehicles", ARR
    /// revision project 10, stage 2 (2011): 0.3 m, 3 m/s, 0.3 m²/s.
    pub car: HazardLimits,
    /// Fire engines. No published limit is known to us. Assumed: the large four-wheel-drive vehicle of the same report
    /// (over 4.5 m long, over 2 t, clearance over 0.22 m): 0.5 m, 3 m/s, 0.6 m²/s. A brigade that knows its vehicles'
    /// wading depth states it (`sandtable simulate --fire-engine-depth`).
    pub fire_engine: HazardLimits,
}

impl Default for PassLimits {
    fn default() -> Self {
        let limits = |depth_m, product_m2ps| HazardLimits { depth_m, speed_mps: 3.0, product_m2ps };
        Self { pedestrian: limits(0.5, 0.4), car: limits(0.3, 0.3), fire_engine: limits(0.5, 0.6) }
    }
}

impl PassLimits {
    /// The limits of one traveller.
    #[must_use]
    pub const fn of(&self, traveller: Traveller) -> &HazardLimits {
        match traveller {
            Traveller::Pedestrian => &self.pedestrian,
            Traveller::Car => &self.car,
            Traveller::FireEngine => &self.fire_engine,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of table 2 of Guideline 7-3: limiting D × V, limiting depth in still water, limiting speed.
    const PUBLISHED: [(HazardClass, f64, f64, f64); 5] = [
        (HazardClass::H1, 0.3, 0.3, 2.0),
        (HazardClass::H2, 0.6, 0.5, 2.0),
        (HazardClass::H3, 0.6, 1.2, 2.0),
        (HazardClass::H4, 1.0, 2.0, 2.0),
        (HazardClass::H5, 4.0, 4.0, 4.0),
    ];

    #[test]
    fn classes_end_where_the_published_table_says() {
        let class = |d: f64, v: f64| HazardClass::of(d, v, d * v);
        for (here, product, depth, speed) in PUBLISHED {
            let after = HazardClass::ALL[here as usize];
            assert!(class(depth, 0.0) <= here, "{here:?}: still water of {depth} m");
            assert!(class(depth + 1e-6, 0.0) >= after, "{here:?}: still water over {depth} m");
            assert!(HazardClass::of(0.01, speed, 0.0) <= here, "{here:?}: {speed} m/s");
            if speed < after.limits().speed_mps {
                assert!(HazardClass::of(0.01, speed + 1e-6, 0.0) >= after, "{here:?}: over {speed} m/s");
            }
            assert!(HazardClass::of(0.01, 0.1, product) <= here);
            if product < after.limits().product_m2ps {
                assert!(HazardClass::of(0.01, 0.1, product + 1e-6) >= after);
            }
        }
        // Points inside the curves of figure 6.
        assert_eq!(class(0.2, 1.0), HazardClass::H1);
        assert_eq!(class(0.4, 1.0), HazardClass::H2);
        assert_eq!(class(1.0, 0.4), HazardClass::H3);
        assert_eq!(class(1.5, 0.5), HazardClass::H4);
        assert_eq!(class(1.0, 3.0), HazardClass::H5);
        assert_eq!(class(0.2, 2.5), HazardClass::H5);
        assert_eq!(class(3.0, 2.0), HazardClass::H6);
        assert_eq!(class(0.2, 4.5), HazardClass::H6);
        assert_eq!(HazardClass::of(f64::NAN, 0.0, 0.0), HazardClass::H6);
    }

    #[test]
    fn the_class_of_an_event_is_the_class_of_its_extremes() {
        let moments = [(0.25, 1.0), (0.9, 0.2), (0.05, 2.4), (0.4, 1.4)];
        let worst = moments.map(|(d, v)| HazardClass::of(d, v, d * v)).into_iter().max().unwrap();
        let greatest = |f: fn(&(f64, f64)) -> f64| moments.iter().map(f).fold(0.0, f64::max);
        assert_eq!(worst, HazardClass::of(greatest(|m| m.0), greatest(|m| m.1), greatest(|m| m.0 * m.1)));
    }

    #[test]
    fn the_hazard_rating_is_that_of_the_note() {
        assert_eq!(hazard_rating(0.0, 5.0), 0.0);
        assert!((hazard_rating(0.2, 1.0) - 0.3).abs() < 1e-12);
        assert!((hazard_rating(0.5, 1.0) - 1.75).abs() < 1e-12);
        assert!((hazard_rating(0.1, 2.5) - 1.3).abs() < 1e-12);
        let classes = [0.74, 0.75, 1.25, 2.0].map(Danger::of);
        assert_eq!(classes, [Danger::Low, Danger::Some, Danger::Most, Danger::All]);
    }

    #[test]
    fn cars_stop_before_fire_engines() {
        let limits = PassLimits::default();
        let passes = |who: Traveller, d: f64, v: f64| limits.of(who).hold(d, v, d * v);
        assert!(Traveller::ALL.iter().all(|who| passes(*who, 0.25, 1.0)));
        assert!(!passes(Traveller::Car, 0.35, 0.5) && passes(Traveller::FireEngine, 0.35, 0.5));
        assert!(!passes(Traveller::Pedestrian, 0.45, 1.0) && passes(Traveller::FireEngine, 0.45, 1.0));
        assert!(!passes(Traveller::FireEngine, 0.51, 0.0));
    }
}
