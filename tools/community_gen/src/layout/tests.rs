//! What every plan must keep.

use std::collections::BTreeSet;

use super::plan;
use crate::geom::{Pt, area, centroid, contains, too_close};
use crate::network::Water;
use crate::plan::{CommunityPlan, SIZE_M, Use};
use crate::terrain::GAP_SILL_M;

fn plans() -> Vec<CommunityPlan> {
    (1..=4).map(|seed| plan(seed).unwrap()).collect()
}

/// Whether water standing at `level` in the river reaches `target` over the ground.
fn river_reaches(plan: &CommunityPlan, level: f64, target: Pt) -> bool {
    let (w, h) = plan.terrain.size();
    let heights = plan.terrain.rows();
    let mut wet = vec![false; w * h];
    let mut front: Vec<usize> = (0..w).collect();
    while let Some(i) = front.pop() {
        if wet[i] || f64::from(heights[i]) >= level {
            continue;
        }
        wet[i] = true;
        let (x, y) = (i % w, i / w);
        front.extend((x > 0).then(|| i - 1));
        front.extend((x + 1 < w).then_some(i + 1));
        front.extend((y > 0).then(|| i - w));
        front.extend((y + 1 < h).then_some(i + w));
    }
    wet[target[1] as usize * w + target[0] as usize]
}

#[test]
fn the_gap_alone_lets_the_river_in() {
    for p in plans() {
        let lot = &p.lots[1];
        let low = lot.frame.to_plan([lot.size[0] * 0.5, lot.size[1] * 0.15]);
        assert!(p.ground(low) < GAP_SILL_M, "seed {}: {}", p.seed, p.ground(low));
        assert!(!river_reaches(&p, GAP_SILL_M - 0.3, low), "seed {}", p.seed);
        assert!(river_reaches(&p, GAP_SILL_M + 0.4, low), "seed {}", p.seed);
    }
}

#[test]
fn buildings_stand_apart_and_inside_their_lots() {
    for p in plans() {
        for (i, a) in p.buildings.iter().enumerate() {
            assert!(area(&a.ring) > 5.0, "{}", a.id);
            for b in &p.buildings[i + 1..] {
                assert!(!too_close(&a.ring, &b.ring, 0.5), "seed {}: {} and {}", p.seed, a.name, b.name);
            }
            if let Some(l) = a.lot.filter(|_| a.usage != Use::Utility) {
                assert!(contains(&p.lots[l].ring, centroid(&a.ring)), "seed {}: {}", p.seed, a.name);
            }
        }
    }
}

#[test]
fn the_community_has_the_size_that_is_promised() {
    for p in plans() {
        let households = p.addresses.iter().filter(|a| a.kind == "household").count();
        assert!((2500..4000).contains(&households), "{households}");
        assert!((8..=10).contains(&p.grids.len()));
        let towers = p.buildings.iter().filter(|b| b.usage == Use::Residential && b.floors >= 18).count();
        assert_eq!(towers, 12, "seed {}", p.seed);
        let b = &p.buildings[p.ifc_building];
        assert!(b.floors >= 11 && b.units == 2 && b.per_floor == 2);
    }
}

#[test]
fn grids_cover_the_plan_once() {
    for p in plans() {
        let sum: f64 = p.grids.iter().map(|g| area(&g.ring)).sum();
        assert!((sum - SIZE_M[0] * SIZE_M[1]).abs() < 1.0, "{sum}");
        assert!(p.grids.iter().all(|g| area(&g.ring) > 0.0));
    }
}

#[test]
fn drains_fall_to_an_outlet() {
    for p in plans() {
        let nodes = &p.drainage.manholes;
        for pipe in &p.drainage.pipes {
            assert!(pipe.invert_up_m > pipe.invert_down_m, "{}", pipe.code);
            assert!(pipe.invert_down_m >= nodes[pipe.to].invert_m - 1e-9, "{}", pipe.code);
        }
        for (start, n) in nodes.iter().enumerate().filter(|n| n.1.water == Water::Rain) {
            let mut at = start;
            let mut steps = 0;
            while let Some(next) = nodes[at].down {
                at = next;
                steps += 1;
                assert!(steps < nodes.len(), "a loop from {}", n.code);
            }
            assert_ne!(nodes[at].outlet, crate::network::Outlet::None, "{} ends nowhere", n.code);
        }
    }
}

#[test]
fn codes_are_unique() {
    for p in plans() {
        let mut codes = BTreeSet::new();
        let all = p
            .buildings
            .iter()
            .map(|b| &b.id)
            .chain(p.addresses.iter().map(|a| &a.code))
            .chain(p.components.iter().map(|c| &c.code));
        for code in all.chain(p.drainage.manholes.iter().map(|m| &m.code)).chain(p.lots.iter().map(|l| &l.code)) {
            assert!(codes.insert(code.clone()), "{code} twice");
        }
        assert!(p.components.iter().all(|c| c.code.len() == 16 && c.code.bytes().all(|b| b.is_ascii_digit())));
    }
}

#[test]
fn seeds_differ() {
    let (a, b) = (plan(1).unwrap(), plan(2).unwrap());
    assert_ne!(a.buildings[0].ring, b.buildings[0].ring);
    assert_ne!(a.terrain.rows(), b.terrain.rows());
}
