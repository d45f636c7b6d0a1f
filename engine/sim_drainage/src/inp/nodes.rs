//! `[JUNCTIONS]`, `[OUTFALLS]`, `[STORAGE]`, `[INFLOWS]`, `[DWF]`.

use super::lex::Row;
use super::options::Options;
use super::tables::{Tables, hourly};
use super::{Note, Reader};
use crate::{DrainageError, Inflow, Node, NodeKind, OutfallStage, Series, StorageArea};

impl Reader {
    pub(super) fn junction(&mut self, row: &Row, o: &Options) -> Result<(), DrainageError> {
        let m = o.units.length;
        let ponded = if o.ponding { row.number_or(5, "ponded area", 0.0)? * m * m } else { 0.0 };
        let node = Node {
            invert_m: row.number(1, "invert")? * m,
            max_depth_m: row.number_or(2, "max depth", 0.0)? * m,
            initial_depth_m: row.number_or(3, "initial depth", 0.0)? * m,
            kind: NodeKind::Junction {
                area_m2: o.shaft_area_m2,
                surcharge_m: row.number_or(4, "surcharge depth", 0.0)? * m,
                ponded_area_m2: ponded,
            },
        };
        self.add_node(row, node)
    }

    pub(super) fn outfall(&mut self, row: &Row, o: &Options, tables: &Tables) -> Result<(), DrainageError> {
        let m = o.units.length;
        // Type may come without an elevation of the gate: name, invert, type, [stage], gate.
        let kind = row.need(2, "type")?.to_ascii_uppercase();
        let (stage, gate) = match kind.as_str() {
            "FREE" => (OutfallStage::Free, 3),
            "NORMAL" => (OutfallStage::Normal, 3),
            "FIXED" => (OutfallStage::Level(Series::constant(row.number(3, "stage")? * m)), 4),
            "TIDAL" => (OutfallStage::Tide(tables.curve(row, row.need(3, "curve")?, 1.0, m)?), 4),
            "TIMESERIES" => {
                (OutfallStage::Level(tables.series(row, row.need(3, "time series")?, m, true)?), 4)
            }
            other => return Err(row.error("type", other, "FREE, NORMAL, FIXED, TIDAL or TIMESERIES")),
        };
        let flap_gate = row.yes(gate, "flap gate")?;
        let kind = NodeKind::Outfall { stage, flap_gate };
        let node = Node { invert_m: row.number(1, "invert")? * m, max_depth_m: 0.0, initial_depth_m: 0.0, kind };
        self.add_node(row, node)
    }

    pub(super) fn storage(&mut self, row: &Row, o: &Options, tables: &Tables) -> Result<(), DrainageError> {
        let m = o.units.length;
        let kind = row.need(4, "shape")?.to_ascii_uppercase();
        let area = match kind.as_str() {
            "TABULAR" => StorageArea::Curve(tables.curve(row, row.need(5, "curve")?, m, m * m)?),
            "FUNCTIONAL" => {
                let exponent = row.number(6, "exponent")?;
                let scale = m * m / libm::pow(m, exponent);
                StorageArea::Functional {
                    coefficient: row.number(5, "coefficient")? * scale,
                    exponent,
                    constant_m2: row.number_or(7, "constant", 0.0)? * m * m,
                }
            }
            "CYLINDRICAL" => {
                let (a, b) = (row.number(5, "major axis")?, row.number(6, "minor axis")?);
                let constant_m2 = 0.25 * std::f64::consts::PI * a * b * m * m;
                StorageArea::Functional { coefficient: 0.0, exponent: 0.0, constant_m2 }
            }
            other => return Err(row.error("shape", other, "TABULAR, FUNCTIONAL or CYLINDRICAL")),
        };
        let node = Node {
            invert_m: row.number(1, "invert")? * m,
            max_depth_m: row.number(2, "max depth")? * m,
            initial_depth_m: row.number_or(3, "initial depth", 0.0)? * m,
            kind: NodeKind::Storage(area),
        };
        self.add_node(row, node)
    }

    fn add_node(&mut self, row: &Row, node: Node) -> Result<(), DrainageError> {
        self.builder.node(row.id(), node).map(|_| ()).map_err(|e| row.wrap(e))
    }

    pub(super) fn inflow(&mut self, row: &Row, o: &Options, tables: &Tables) -> Result<(), DrainageError> {
        let node = self.node_of(row, 0)?;
        if !row.need(1, "constituent")?.eq_ignore_ascii_case("FLOW") {
            self.notes.push(Note::at(row, format!("inflow of {} is not taken over", row.word(1))));
            return Ok(());
        }
        let scale = row.number_or(5, "scale factor", 1.0)?;
        let base = row.number_or(6, "baseline", 0.0)? * o.units.flow;
        let series = match row.word(2) {
            "" | "*" => None,
            name => Some(tables.series(row, name, scale * o.units.flow, false)?),
        };
        let hourly = hourly(row, &[row.word(7)], tables, &mut self.notes)?;
        self.inflows.push(Inflow { node, base_m3ps: base, hourly, series });
        Ok(())
    }

    pub(super) fn dry_weather(&mut self, row: &Row, o: &Options, tables: &Tables) -> Result<(), DrainageError> {
        let node = self.node_of(row, 0)?;
        if !row.need(1, "constituent")?.eq_ignore_ascii_case("FLOW") {
            self.notes.push(Note::at(row, format!("dry weather {} is not taken over", row.word(1))));
            return Ok(());
        }
        let base_m3ps = row.number(2, "average")? * o.units.flow;
        let names: Vec<&str> = (3..7).map(|k| row.word(k)).collect();
        let hourly = hourly(row, &names, tables, &mut self.notes)?;
        self.inflows.push(Inflow { node, base_m3ps, hourly, series: None });
        Ok(())
    }
}
