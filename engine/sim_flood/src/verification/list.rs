//! Every case, in the order of tables.

use super::{
    Case, basin, beach, canal, conservation, dambreak, friction, invariants, local, macdonald, ponds, porous, radial,
    steady, storm, structures, urban,
};

/// Both precisions of each case; of those with local steps the ones that are named.
macro_rules! cases {
    (
        $($name:literal, $($work:ident)::+, $about:literal;)*
        local $($local_name:literal, $local_work:path, $local_about:literal;)*
    ) => {
        /// Every case, in the order of tables: each in `f32`, which runs use, and in `f64`, which shows the scheme
        /// without rounding.
        pub const CASES: &[Case] = &[$(
            Case::new::<f32>($name, $about, $($work)::+::<f32>),
            Case::new::<f64>($name, $about, $($work)::+::<f64>),
        )* $(
            Case::local($local_name, $local_about, $local_work),
        )*];
    };
}

cases! {
    "lake-at-rest", invariants::lake_at_rest,
        "Still water over a bumpy, partly dry bed, 150 x 100 cells, counted from 0, 30 and 1000 m.";
    "stoker-dam-break", dambreak::stoker, "Dam break 10 m to 1 m in a frictionless channel of 1000 m.";
    "ritter-dam-break", dambreak::ritter, "Dam break 10 m onto a dry frictionless bed.";
    "dressler-dam-break", friction::dressler, "Dam break 6 m onto a dry bed with Manning 0.03.";
    "step-dam-break", dambreak::step, "Dam break 4 m against 1 m of water on a step of the bed 1 m high.";
    "radial-dam-break", radial::radial_dam_break,
        "A column of 10 m and radius 50 m breaks, into still water and onto a dry bed.";
    "convergence", dambreak::convergence, "Error on three grids, with a shock and of a smooth wave.";
    "subcritical-bump", steady::subcritical_bump, "Steady flow of 4.42 m2/s over a bump, 2 m deep.";
    "transcritical-bump", steady::transcritical_bump, "Steady flow of 1.53 m2/s that turns supercritical on a bump.";
    "bump-with-jump", steady::bump_with_jump, "Steady flow of 0.18 m2/s with a hydraulic jump behind a bump.";
    "normal-flow", steady::normal_flow, "Uniform flow of 1 m2/s down a slope of 1:1000, Manning 0.03.";
    "macdonald-long", macdonald::macdonald_long,
        "Steady flows in channels of 1000 m: subcritical, supercritical, through the critical depth, with a jump.";
    "macdonald-short", macdonald::macdonald_short,
        "Steady flows in channels of 100 m: with a jump, supercritical, through the critical depth.";
    "macdonald-rain", macdonald::macdonald_rain, "Steady subcritical flow that grows by rain over 1000 m.";
    "moving-storm", storm::moving_storm, "A storm travels over a plane slower than, as fast as and faster than the flood.";
    "thacker-radial", basin::thacker_radial, "Water swings in a paraboloid, in and out.";
    "thacker-planar", basin::thacker_planar, "A plane water surface turns round in a paraboloid.";
    "parabolic-canal", canal::parabolic_canal, "A plane water surface swings in a parabolic canal without friction.";
    "sampson-canal", canal::sampson, "A plane water surface swings in a parabolic canal and is damped.";
    "carrier-greenspan-transient", beach::carrier_greenspan_transient, "Water let go below its level runs up a beach of 1:50.";
    "carrier-greenspan-periodic", beach::carrier_greenspan_periodic,
        "A standing wave of 900 s runs up and down a beach of 1:100.";
    "symmetry", invariants::symmetry, "A square-mirrored column collapses over a rough bed.";
    "mass-closure", conservation::mass_closure, "Random rain, river levels, springs and gates over a rough town.";
    "day-of-weather", conservation::day_of_weather,
        "24 h of tide, hourly rain, a gate moved every hour and gullies that drain and give back.";
    "positivity", conservation::positivity, "Columns of water collapse over twelve random steep terrains.";
    "rain-on-roofs", conservation::rain_on_roofs, "Rain on a town with buildings reaches the streets.";
    "barrier", structures::barrier_until_overtopped, "A basin fills behind a diagonal wall until it runs over.";
    "buildings", structures::buildings_hold, "A dam break and a bore against buildings.";
    "weir-and-gate", urban::weir_and_gate, "Steady flow over a wall and under a gate, free and drowned.";
    "culvert-pump-breach", urban::culvert_pump_breach,
        "Two ponds joined by a culvert, then by a pump, then by a breach.";
    "outlets", urban::outlets, "Uniform flow leaves at normal depth; a pond drains by a rating curve.";
    "infiltration", urban::infiltration, "Ground under a pond and under rain takes in water by three laws.";
    "live-edits", urban::live_edits, "24 h with walls, gates, culverts, pumps, ground and rain changed every 15 min.";
    "ea1-like-pond", ponds::ea1_like, "A tide fills a pond behind a sill (rebuilt after EA test 1).";
    "ea2-like-pits", ponds::ea2_like, "A flood fills sixteen pits one after another, 24 h (rebuilt after EA test 2).";
    "ea3-like-obstruction", ponds::ea3_like,
        "A wave passes an obstruction by its momentum (rebuilt after EA test 3).";
    "porous-dam-break", porous::dam_break,
        "A dam break through ground half built over, everywhere and from a line on.";
    "porous-lake-at-rest", porous::lake_at_rest, "Still water over a bumpy, partly dry bed with random free shares.";
    "porous-mass", porous::mass, "Rain, springs, a river level, soaking ground and random free shares.";
    "threads-agree", invariants::threads_agree, "The same run on 1, 2, 3 and 4 threads.";
    "snapshot-continues", invariants::snapshot_continues, "The same run twice, and continued from a snapshot.";
    local
    "lake-at-rest-local", local::lake_at_rest::<f32>,
        "Still water beside and in a channel 20 m deep, tiles with steps of their own.";
    "lake-at-rest-local f64", local::lake_at_rest::<f64>,
        "Still water beside and in a channel 20 m deep, tiles with steps of their own.";
    "stoker-dam-break-local", dambreak::stoker::<f32>, "As stoker-dam-break, tiles with steps of their own.";
    "ritter-dam-break-local", dambreak::ritter::<f32>, "As ritter-dam-break, tiles with steps of their own.";
    "thacker-radial-local", basin::thacker_radial::<f32>, "As thacker-radial, tiles with steps of their own.";
    "thacker-planar-local", basin::thacker_planar::<f32>, "As thacker-planar, tiles with steps of their own.";
    "sampson-canal-local", canal::sampson::<f32>, "As sampson-canal, tiles with steps of their own.";
    "macdonald-rain-local", macdonald::macdonald_rain::<f32>, "As macdonald-rain, tiles with steps of their own.";
    "moving-storm-local", storm::moving_storm::<f32>, "As moving-storm, tiles with steps of their own.";
    "buildings-local", structures::buildings_hold::<f32>, "As buildings, tiles with steps of their own.";
    "weir-and-gate-local", urban::weir_and_gate::<f32>, "As weir-and-gate, tiles with steps of their own.";
    "culvert-pump-breach-local", urban::culvert_pump_breach::<f32>,
        "As culvert-pump-breach, tiles with steps of their own.";
    "outlets-local", urban::outlets::<f32>, "As outlets, tiles with steps of their own.";
    "infiltration-local", urban::infiltration::<f32>, "As infiltration, tiles with steps of their own.";
    "positivity-local", local::positivity::<f32>, "Columns of water collapse onto steep dry ground, six random terrains.";
    "positivity-local f64", local::positivity::<f64>,
        "Columns of water collapse onto steep dry ground, six random terrains.";
    "channel-beside-street-local", local::channel_beside_street::<f32>,
        "A river rises over its bank into a street in the rain; compared with one step for all.";
    "live-edits-local", local::live_edits::<f32>, "As live-edits on a finer raster beside a deep channel.";
    "threads-agree-local", invariants::threads_agree::<f32>, "As threads-agree, tiles with steps of their own.";
    "snapshot-continues-local", invariants::snapshot_continues::<f32>,
        "As snapshot-continues, tiles with steps of their own.";
}
