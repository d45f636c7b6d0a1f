//! `[CONDUITS]`, `[PUMPS]`, `[ORIFICES]`, `[WEIRS]`, `[OUTLETS]` with `[XSECTIONS]` and `[LOSSES]`.

use std::collections::BTreeMap;

use super::lex::Row;
use super::options::Options;
use super::tables::Tables;
use super::{Note, Reader};
use crate::{
    Conduit, DrainageError, LinkKind, NodeId, Orifice, OrificeOpening, Outlet, Pump, PumpCurve, Rating, Shape, Weir,
    WeirForm,
};

/// Rows of `[XSECTIONS]` and `[LOSSES]` by link.
#[derive(Default)]
pub(super) struct Attached<'a> {
    sections: BTreeMap<&'a str, &'a Row>,
    losses: BTreeMap<&'a str, &'a Row>,
}

impl<'a> Attached<'a> {
    pub(super) fn new(sections: &[&'a Row], losses: &[&'a Row]) -> Result<Self, DrainageError> {
        let mut out = Self::default();
        for (rows, map) in [(sections, &mut out.sections), (losses, &mut out.losses)] {
            for row in rows {
                if map.insert(row.id(), row).is_some() {
                    return Err(row.error("id", row.id(), "each link once"));
                }
            }
        }
        Ok(out)
    }

    fn section(&self, row: &Row) -> Result<&'a Row, DrainageError> {
        let found = self.sections.get(row.id()).copied();
        found.ok_or_else(|| row.error("cross-section", "missing", "a line in [XSECTIONS]"))
    }

    /// Every attached row must have its link.
    pub(super) fn check(&self, known: impl Fn(&str) -> bool) -> Result<(), DrainageError> {
        match self.sections.values().chain(self.losses.values()).find(|r| !known(r.id())) {
            Some(row) => Err(row.error("link", row.id(), "a link of this file")),
            None => Ok(()),
        }
    }
}

impl Reader {
    fn ends(&self, row: &Row) -> Result<(NodeId, NodeId), DrainageError> {
        Ok((self.node_of(row, 1)?, self.node_of(row, 2)?))
    }

    fn add_link(&mut self, row: &Row, kind: LinkKind) -> Result<(), DrainageError> {
        let (from, to) = self.ends(row)?;
        self.builder.link(row.id(), from, to, kind).map(|_| ()).map_err(|e| row.wrap(e))
    }

    /// An offset above the bottom of a node, m; levels are turned into offsets when the file gives levels.
    fn offset(&self, row: &Row, k: usize, node: NodeId, o: &Options) -> Result<f64, DrainageError> {
        if matches!(row.word(k), "" | "*") {
            return Ok(0.0);
        }
        let v = row.number(k, "offset")? * o.units.length;
        if !o.offsets_are_levels {
            return Ok(v);
        }
        let above = v - self.builder.nodes()[node.at()].invert_m;
        // A level a hair below the bottom is rounding.
        Ok(if above < 0.0 && above > -1e-3 { 0.0 } else { above })
    }

    pub(super) fn conduit(
        &mut self,
        row: &Row,
        o: &Options,
        at: &Attached,
        tables: &Tables,
    ) -> Result<(), DrainageError> {
        let (m, (from, to)) = (o.units.length, self.ends(row)?);
        let section = at.section(row)?;
        let barrels = section.number_or(6, "barrels", 1.0)?.max(1.0);
        let mut conduit = Conduit {
            barrels: barrels.min(1e6) as u32,
            offset_m: [self.offset(row, 5, from, o)?, self.offset(row, 6, to, o)?],
            initial_flow_m3ps: row.number_or(7, "initial flow", 0.0)? * o.units.flow,
            ..Conduit::new(shape(section, m, tables)?, row.number(3, "length")? * m, row.number(4, "Manning n")?)
        };
        if row.number_or(8, "max flow", 0.0)? > 0.0 {
            self.notes.push(Note::at(row, "the greatest flow is not limited".into()));
        }
        if let Some(loss) = at.losses.get(row.id()) {
            conduit.losses = [
                loss.number_or(1, "entry loss", 0.0)?,
                loss.number_or(2, "exit loss", 0.0)?,
                loss.number_or(3, "average loss", 0.0)?,
            ];
            conduit.flap_gate = loss.yes(4, "flap gate")?;
            if loss.number_or(5, "seepage", 0.0)? > 0.0 {
                self.notes.push(Note::at(loss, "seepage is not taken over".into()));
            }
        }
        // Sizes are checked against the section's own line.
        conduit.shape.section(row.id()).map_err(|e| section.wrap(e))?;
        self.add_link(row, LinkKind::Conduit(conduit))
    }

    pub(super) fn pump(&mut self, row: &Row, o: &Options, tables: &Tables) -> Result<(), DrainageError> {
        let (m, q) = (o.units.length, o.units.flow);
        let name = row.word(3);
        let curve = if matches!(name, "" | "*") {
            PumpCurve::Ideal
        } else {
            let kind = tables.kind(row, name)?.to_owned();
            match kind.as_str() {
                "PUMP1" => PumpCurve::VolumeSteps(tables.curve(row, name, m * m * m, q)?),
                "PUMP2" => PumpCurve::DepthSteps(tables.curve(row, name, m, q)?),
                "PUMP3" => PumpCurve::Head(tables.curve(row, name, m, q)?),
                "PUMP4" => PumpCurve::Depth(tables.curve(row, name, m, q)?),
                other => return Err(row.error("curve type", other, "PUMP1, PUMP2, PUMP3 or PUMP4")),
            }
        };
        let on = match row.word(4).to_ascii_uppercase().as_str() {
            "ON" | "" | "*" => true,
            "OFF" => false,
            other => return Err(row.error("status", other, "ON or OFF")),
        };
        let pump = Pump {
            curve,
            on,
            start_depth_m: row.number_or(5, "start depth", 0.0)? * m,
            stop_depth_m: row.number_or(6, "stop depth", 0.0)? * m,
        };
        self.add_link(row, LinkKind::Pump(pump))
    }

    pub(super) fn orifice(&mut self, row: &Row, o: &Options, at: &Attached) -> Result<(), DrainageError> {
        let (m, (from, _)) = (o.units.length, self.ends(row)?);
        let section = at.section(row)?;
        let opening = match section.need(1, "shape")?.to_ascii_uppercase().as_str() {
            "CIRCULAR" => OrificeOpening::Circular { diameter_m: section.number(2, "diameter")? * m },
            "RECT_CLOSED" => OrificeOpening::Rect {
                height_m: section.number(2, "height")? * m,
                width_m: section.number(3, "width")? * m,
            },
            other => return Err(section.error("shape", other, "CIRCULAR or RECT_CLOSED")),
        };
        let bottom = match row.need(3, "type")?.to_ascii_uppercase().as_str() {
            "SIDE" => false,
            "BOTTOM" => true,
            other => return Err(row.error("type", other, "SIDE or BOTTOM")),
        };
        let orifice = Orifice {
            bottom,
            opening,
            offset_m: self.offset(row, 4, from, o)?,
            coefficient: row.number(5, "discharge coefficient")?,
            flap_gate: row.yes(6, "flap gate")?,
        };
        self.add_link(row, LinkKind::Orifice(orifice))
    }

    pub(super) fn weir(&mut self, row: &Row, o: &Options, at: &Attached) -> Result<(), DrainageError> {
        let (m, (from, _)) = (o.units.length, self.ends(row)?);
        let section = at.section(row)?;
        let (height, length) = (section.number(2, "height")? * m, section.number_or(3, "length", 0.0)? * m);
        let root = m.sqrt();
        let kind = row.need(3, "type")?.to_ascii_uppercase();
        let mut coefficient = row.number(5, "coefficient")? * root;
        let form = match kind.as_str() {
            "TRANSVERSE" => WeirForm::Transverse,
            "SIDEFLOW" => {
                coefficient *= libm::pow(m, 3.0 - 0.83 - 5.0 / 3.0 - 0.5);
                WeirForm::SideFlow
            }
            // The section gives the width at the top.
            "V-NOTCH" => WeirForm::VNotch { side_slope: 0.5 * length / height },
            "TRAPEZOIDAL" => WeirForm::Trapezoidal {
                side_slope: section.number(4, "side slope")?,
                end_coefficient: row.number_or(8, "end coefficient", 0.0)? * root,
            },
            other => return Err(row.error("type", other, "TRANSVERSE, SIDEFLOW, V-NOTCH or TRAPEZOIDAL")),
        };
        let weir = Weir {
            form,
            height_m: height,
            length_m: length,
            crest_m: self.offset(row, 4, from, o)?,
            coefficient,
            flap_gate: row.yes(6, "flap gate")?,
            contractions: row.number_or(7, "end contractions", 0.0)?,
            can_surcharge: !row.word(9).eq_ignore_ascii_case("NO"),
        };
        self.add_link(row, LinkKind::Weir(weir))
    }

    pub(super) fn outlet(&mut self, row: &Row, o: &Options, tables: &Tables) -> Result<(), DrainageError> {
        let (m, q, (from, _)) = (o.units.length, o.units.flow, self.ends(row)?);
        let kind = row.need(4, "type")?.to_ascii_uppercase();
        let (functional, by_head) = match kind.as_str() {
            "FUNCTIONAL/DEPTH" | "FUNCTIONAL" => (true, false),
            "FUNCTIONAL/HEAD" => (true, true),
            "TABULAR/DEPTH" | "TABULAR" => (false, false),
            "TABULAR/HEAD" => (false, true),
            other => return Err(row.error("type", other, "FUNCTIONAL or TABULAR, /DEPTH or /HEAD")),
        };
        let (rating, gate) = if functional {
            let exponent = row.number(6, "exponent")?;
            let coefficient = row.number(5, "coefficient")? * q / libm::pow(m, exponent);
            (Rating::Power { coefficient, exponent }, 7)
        } else {
            (Rating::Curve(tables.curve(row, row.need(5, "curve")?, m, q)?), 6)
        };
        let flap_gate = row.yes(gate, "flap gate")?;
        let outlet = Outlet { offset_m: self.offset(row, 3, from, o)?, rating, by_head, flap_gate };
        self.add_link(row, LinkKind::Outlet(outlet))
    }
}

/// Shape of a conduit.
fn shape(row: &Row, m: f64, tables: &Tables) -> Result<Shape, DrainageError> {
    let height_m = row.number(2, "depth")? * m;
    Ok(match row.need(1, "shape")?.to_ascii_uppercase().as_str() {
        "CIRCULAR" => Shape::Circular { diameter_m: height_m },
        "RECT_CLOSED" => Shape::RectClosed { height_m, width_m: row.number(3, "width")? * m },
        "RECT_OPEN" => Shape::RectOpen { height_m, width_m: row.number(3, "width")? * m },
        "TRAPEZOIDAL" => Shape::Trapezoidal {
            height_m,
            bottom_m: row.number(3, "bottom width")? * m,
            side_slopes: [row.number(4, "side slope")?, row.number(5, "side slope")?],
        },
        "TRIANGULAR" => {
            let side = 0.5 * row.number(3, "top width")? * m / height_m;
            Shape::Trapezoidal { height_m, bottom_m: 0.0, side_slopes: [side, side] }
        }
        "EGG" => Shape::Egg { height_m },
        "CUSTOM" => Shape::Custom { height_m, width: tables.curve(row, row.need(3, "shape curve")?, 1.0, 1.0)? },
        other => {
            let known = "CIRCULAR, RECT_CLOSED, RECT_OPEN, TRAPEZOIDAL, TRIANGULAR, EGG or CUSTOM";
            return Err(row.error("shape", other, known));
        }
    })
}
