//! `report.md`: the page for people.

use std::fmt::Write;
use twin_model::{AsetCriterion, AssemblySource, EvacSummary};

fn s(v: Option<f64>) -> String {
    v.map_or_else(|| "–".into(), |v| format!("{v:.0} s"))
}

fn why(c: Option<AsetCriterion>) -> &'static str {
    match c {
        Some(AsetCriterion::Visibility) => "visibility",
        Some(AsetCriterion::Gas) => "gas",
        Some(AsetCriterion::Heat) => "heat",
        None => "–",
    }
}

/// Spaces with something to tell; the others are counted.
fn told(o: &twin_model::SpaceOutcome) -> bool {
    o.people > 0 || o.aset_s.is_some() || o.unsafe_share > 0.0
}

/// The page.
pub(crate) fn page(r: &EvacSummary) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    write_page(&mut out, r).unwrap_or_default();
    out
}

/// Several fires that may be the true one: members share them by probability.
fn fires(w: &mut String, r: &EvacSummary) -> std::fmt::Result {
    let sum: f64 = r.scenario.fires.iter().map(|f| f.probability).sum();
    writeln!(w, "{} fires that may be the true one, shared among the members:\n", r.scenario.fires.len())?;
    writeln!(w, "| fire | growth | fuel | peak, kW | from, s | probability |\n|---|---|---|---|---|---|")?;
    for f in r.scenario.fires.iter().take(MOST_FIRES) {
        let (s, share) = (&f.source, 100.0 * f.probability / sum);
        writeln!(
            w,
            "| {} | {:?} | {:?} | {:.0} | {:.0} | {share:.0} % |",
            s.space, s.growth, s.fuel, s.peak_kw, s.start_s
        )?;
    }
    let more = r.scenario.fires.len().saturating_sub(MOST_FIRES);
    if more > 0 {
        writeln!(w, "\n… and {more} more.")?;
    }
    if let Some(first) = r.scenario.fire_of_member(0) {
        writeln!(w, "\nThe first member, shown step by step, has the fire in {}.\n", first.space)?;
    }
    Ok(())
}

/// From the doors to a place of safety.
fn outside(w: &mut String, r: &EvacSummary) -> std::fmt::Result {
    let Some(o) = &r.outdoor else { return Ok(()) };
    writeln!(w, "## Outside\n\nFrom the doors to a place of safety: after RSET, never to be compared with an ASET.\n")?;
    writeln!(w, "| | |\n|---|---|")?;
    writeln!(w, "| last at a place of safety, p50 and p95 of members | {} / {} |", s(o.safe_s.p50), s(o.safe_s.p95))?;
    writeln!(w, "| half and 95 % of the arrivals (first member) | {} / {} |", s(o.arrived_s.p50), s(o.arrived_s.p95))?;
    writeln!(w, "| safe, on the way, stopped outside | {}, {}, {} |", o.safe, o.on_the_way, o.stopped)?;
    writeln!(w, "| open ground | {} tiles, {:.0} m2 |\n", o.tiles, o.area_m2)?;
    writeln!(w, "| place of safety | from | m off the building | people | first | last |\n|---|---|---|---|---|---|")?;
    for a in &o.assembly {
        let source = match a.source {
            AssemblySource::Scenario => "scenario",
            AssemblySource::Road => "road",
            AssemblySource::OpenGround => "open ground",
        };
        let (first, last) = (s(a.first_s), s(a.last_s));
        writeln!(w, "| {} | {source} | {:.0} | {} | {first} | {last} |", a.name, a.from_building_m, a.people)?;
    }
    writeln!(w, "\n| exit | walk to safety |\n|---|---|")?;
    for e in &o.exits {
        let walk = e.walk_m.map_or_else(|| "none: nobody leaves by it".into(), |m| format!("{m:.0} m"));
        writeln!(w, "| {} | {walk} |", e.exit)?;
    }
    writeln!(w)
}

/// Fires listed.
const MOST_FIRES: usize = 10;

fn write_page(w: &mut String, r: &EvacSummary) -> std::fmt::Result {
    let b = &r.balance;
    writeln!(w, "# {}\n", r.scenario.name)?;
    writeln!(
        w,
        "Building: {}. {} people, {} members, {:.0} s simulated.\n",
        r.building, b.entered, r.members, r.scenario.duration_s
    )?;
    if r.network_members > 0 {
        writeln!(
            w,
            "{} of the members, the first among them, walked with the micro crowd, {} through the queue network.\n",
            r.members - r.network_members.min(r.members),
            r.network_members
        )?;
    }
    if let Some(live) = &r.live {
        let rooms = live.rooms.iter().take(3).map(|c| format!("{} {:.0} %", c.space, 100.0 * c.probability));
        let rooms = rooms.collect::<Vec<_>>().join(", ");
        writeln!(
            w,
            "From live signals, second 0 is {}, the present {:.0} s. Likely fire: {rooms}; false alarm {:.0} %. People: {:.0} ({} to {}).\n",
            live.origin.datetime_china(),
            live.now_s,
            100.0 * live.false_alarm,
            live.people.mean,
            live.people.p05,
            live.people.p95
        )?;
    } else if !r.scenario.fires.is_empty() {
        fires(w, r)?;
    } else if let Some(f) = &r.scenario.fire {
        writeln!(
            w,
            "Fire: {} ({:?}, {:?}, peak {:.0} kW, from {:.0} s).\n",
            f.space, f.growth, f.fuel, f.peak_kw, f.start_s
        )?;
    }
    writeln!(w, "| | |\n|---|---|")?;
    writeln!(w, "| alarm (first member) | {} |", s(r.alarm_s))?;
    writeln!(w, "| RSET (out of the building), p50 and p95 of members | {} / {} |", s(r.rset_s.p50), s(r.rset_s.p95))?;
    writeln!(w, "| half and 95 % out (first member) | {} / {} |", s(r.left_s.p50), s(r.left_s.p95))?;
    writeln!(w, "| left, inside, stopped, awaiting help | {}, {}, {}, {} |", b.left, b.inside, b.stopped, b.awaiting)?;
    writeln!(w, "| people with a dose of 0.1, 0.3, 1 | {}, {}, {} |", r.doses[0], r.doses[1], r.doses[2])?;
    writeln!(w, "| members with somebody stopped | {} of {} |", r.members_with_stopped, r.members)?;
    writeln!(w, "| gas and energy account | {:.1e}, {:.1e} |\n", r.gas_error[0], r.gas_error[1])?;
    if r.rset_s.p95.is_none() {
        writeln!(w, "**In more than one member of twenty not everybody who can walk was out at the end.**\n")?;
    }
    spaces(w, r)?;
    outside(w, r)?;
    writeln!(w, "## Exits\n\n| exit | people |\n|---|---|")?;
    r.exits.iter().try_for_each(|e| writeln!(w, "| {} | {} |", e.exit, e.people))?;
    if !r.stairs.is_empty() {
        writeln!(
            w,
            "\n## Stairs\n\nLast time to enter at the head and come through (first member; in a bad case: 5 % of the members).\n"
        )?;
        writeln!(w, "| stair | people | last safe | bad case |\n|---|---|---|---|")?;
        let row = |t: &twin_model::StairOutcome| (s(t.last_safe_s), s(t.last_safe_p05_s));
        for t in &r.stairs {
            let (last, bad) = row(t);
            writeln!(w, "| {} | {} | {last} | {bad} |", t.stair, t.people)?;
        }
    }
    if !r.help.is_empty() {
        writeln!(
            w,
            "\n## Who needs help\n\n| place | stopped | cannot use stairs | still inside |\n|---|---|---|---|"
        )?;
        r.help
            .iter()
            .try_for_each(|h| writeln!(w, "| {} | {} | {} | {} |", h.place, h.stopped, h.awaiting, h.still_inside))?;
    }
    if !r.smoke_alarms.is_empty() {
        writeln!(w, "\n## Smoke alarms\n\n| space | s |\n|---|---|")?;
        r.smoke_alarms.iter().take(40).try_for_each(|a| writeln!(w, "| {} | {:.0} |", a.space, a.alarm_s))?;
    }
    if !r.warnings.is_empty() {
        writeln!(w, "\n## Doubts about the plan\n")?;
        r.warnings.iter().take(40).try_for_each(|t| writeln!(w, "- {t}"))?;
    }
    writeln!(
        w,
        "\nA forecast, not a proof: doors and people are guesses. Models and limits: see the README of sim_evac."
    )
}

fn spaces(w: &mut String, r: &EvacSummary) -> std::fmt::Result {
    writeln!(
        w,
        "## Spaces\n\nASET: visibility below 10 m (corridors, stairs, above 100 m²) or 5 m, gas or heat dose of 0.3 of somebody who stays.\n"
    )?;
    writeln!(
        w,
        "| space | people | ASET | by | ASET, bad case | last person | margin | unsafe share | least visibility | hottest |"
    )?;
    writeln!(w, "|---|---|---|---|---|---|---|---|---|---|")?;
    for o in r.spaces.iter().filter(|o| told(o)) {
        let margin = o.margin_s.map_or_else(|| "–".into(), |m| format!("{m:+.0} s"));
        writeln!(
            w,
            "| {} | {} | {} | {} | {} | {} | {margin} | {:.0} % | {:.0} m | {:.0} °C |",
            o.space,
            o.people,
            s(o.aset_s),
            why(o.criterion),
            s(o.aset_p05_s),
            s(o.last_person_s),
            o.unsafe_share * 100.0,
            o.least_visibility_m.min(100.0),
            o.greatest_c
        )?;
    }
    let silent = r.spaces.iter().filter(|o| !told(o)).count();
    writeln!(w, "\n{silent} more spaces without people stayed safe to the end.\n")
}
