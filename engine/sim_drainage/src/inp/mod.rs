//! Reader of a subset of EPA SWMM 5 input files (`.inp`).
//!
//! Taken over: OPTIONS, JUNCTIONS, OUTFALLS, STORAGE, CONDUITS, PUMPS, ORIFICES, WEIRS, OUTLETS, XSECTIONS, LOSSES, INFLOWS, DWF
//! (with hourly PATTERNS), CURVES, TIMESERIES, COORDINATES; all turned into SI. What describes rain, runoff, quality or
//! controls is listed in [`InpModel::notes`]; DIVIDERS are an error, since a dynamic wave has no use for them.

mod lex;
mod links;
mod nodes;
mod options;
mod tables;
mod when;

use lex::Row;
use links::Attached;
use tables::Tables;

use crate::{DrainageError, DrainageForcing, DrainageParams, Inflow, Network, NetworkBuilder, NodeId};

/// Something of the file that was not taken over, or taken over with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Line of the file, from 1.
    pub line: usize,
    /// Section.
    pub section: String,
    /// What and why.
    pub text: String,
}

impl Note {
    fn at(row: &Row, text: String) -> Self {
        Self { line: row.line, section: row.section.to_owned(), text }
    }
}

/// A file turned into a network and what drives it.
#[derive(Debug, Clone, PartialEq)]
pub struct InpModel {
    /// Title, lines joined.
    pub title: String,
    /// Network.
    pub network: Network,
    /// Inflows.
    pub forcing: DrainageForcing,
    /// Numerical parameters.
    pub params: DrainageParams,
    /// Simulated time asked for, seconds.
    pub duration_s: f64,
    /// Time between reports, seconds.
    pub report_step_s: f64,
    /// Map positions of nodes, in the units of the file.
    pub positions: Vec<(NodeId, [f64; 2])>,
    /// What was left out or changed.
    pub notes: Vec<Note>,
}

/// Collects while sections are read.
#[derive(Default)]
struct Reader {
    builder: NetworkBuilder,
    inflows: Vec<Inflow>,
    notes: Vec<Note>,
}

impl Reader {
    fn node_of(&self, row: &Row, k: usize) -> Result<NodeId, DrainageError> {
        let name = row.need(k, "node")?;
        self.builder.find(name).ok_or_else(|| row.error("node", name, "a node of this file"))
    }
}

/// Sections without a meaning for the solver, not worth a note.
const SILENT: &[&str] =
    &["TITLE", "OPTIONS", "REPORT", "TAGS", "MAP", "VERTICES", "POLYGONS", "SYMBOLS", "LABELS", "BACKDROP", "PROFILES"];
/// Sections that are read.
const READ: &[&str] = &[
    "JUNCTIONS",
    "OUTFALLS",
    "STORAGE",
    "DIVIDERS",
    "CONDUITS",
    "PUMPS",
    "ORIFICES",
    "WEIRS",
    "OUTLETS",
    "XSECTIONS",
    "LOSSES",
    "INFLOWS",
    "DWF",
    "PATTERNS",
    "CURVES",
    "TIMESERIES",
    "COORDINATES",
];

/// Reads a whole file.
///
/// # Errors
/// [`DrainageError::Inp`] naming line, section, id, field, value and what is allowed; never a panic.
pub fn read(text: &str) -> Result<InpModel, DrainageError> {
    let rows = lex::rows(text)?;
    let of = |name: &str| rows.iter().filter(|r| r.section == name).collect::<Vec<&Row>>();
    let mut r = Reader::default();
    let o = options::read(&of("OPTIONS"), &mut r.notes)?;
    let mut tables = Tables::default();
    tables::curves(&of("CURVES"), &mut tables)?;
    tables::series(&of("TIMESERIES"), o.start, &mut tables)?;
    tables::patterns(&of("PATTERNS"), &mut tables)?;
    if let Some(row) = of("DIVIDERS").first() {
        return Err(row.error("divider", row.id(), "junctions (the dynamic wave splits flows itself)"));
    }
    for row in &rows {
        match row.section {
            "JUNCTIONS" => r.junction(row, &o)?,
            "OUTFALLS" => r.outfall(row, &o, &tables)?,
            "STORAGE" => r.storage(row, &o, &tables)?,
            _ => {}
        }
    }
    let (sections, losses) = (of("XSECTIONS"), of("LOSSES"));
    let attached = Attached::new(&sections, &losses)?;
    for row in &rows {
        match row.section {
            "CONDUITS" => r.conduit(row, &o, &attached, &tables)?,
            "PUMPS" => r.pump(row, &o, &tables)?,
            "ORIFICES" => r.orifice(row, &o, &attached)?,
            "WEIRS" => r.weir(row, &o, &attached)?,
            "OUTLETS" => r.outlet(row, &o, &tables)?,
            _ => {}
        }
    }
    attached.check(|name| r.builder.has_link(name))?;
    for row in &rows {
        match row.section {
            "INFLOWS" => r.inflow(row, &o, &tables)?,
            "DWF" => r.dry_weather(row, &o, &tables)?,
            _ => {}
        }
    }
    note_others(&rows, &mut r.notes);
    let mut positions = Vec::new();
    for row in of("COORDINATES") {
        // Nodes of other parts (rain gauges) may be listed too.
        if let Some(node) = r.builder.find(row.id()) {
            positions.push((node, [row.number(1, "x")?, row.number(2, "y")?]));
        }
    }
    let title = of("TITLE").iter().map(|t| t.id()).collect::<Vec<_>>().join(" ");
    let network = r.builder.build()?;
    let forcing =
        DrainageForcing { inflows: r.inflows, start_of_day_s: o.start.1.rem_euclid(86_400.0), ..DrainageForcing::default() };
    forcing.validate(&network)?;
    Ok(InpModel {
        title,
        network,
        forcing,
        params: o.params.validate()?,
        duration_s: o.duration_s(),
        report_step_s: o.report_step_s,
        positions,
        notes: r.notes,
    })
}

/// One note per section that is not taken over.
fn note_others(rows: &[Row], notes: &mut Vec<Note>) {
    let mut seen: Vec<(&'static str, usize, usize)> = Vec::new();
    for row in rows.iter().filter(|r| !SILENT.contains(&r.section) && !READ.contains(&r.section)) {
        match seen.iter_mut().find(|s| s.0 == row.section) {
            Some(s) => s.2 += 1,
            None => seen.push((row.section, row.line, 1)),
        }
    }
    for (section, line, count) in seen {
        notes.push(Note { line, section: section.to_owned(), text: format!("not taken over ({count} lines)") });
    }
}
