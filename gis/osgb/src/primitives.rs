//! Primitive sets and how they become triangles.

use crate::arrays::{ArrayRef, Scalar};
use crate::error::Result;
use crate::stream::Cursor;

/// What a primitive set draws from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source {
    /// Consecutive vertices.
    Arrays { first: i32, count: i32 },
    /// Several runs of consecutive vertices.
    Lengths { first: i32, lengths: ArrayRef },
    /// Indexed vertices.
    Elements(ArrayRef),
}

/// A primitive set as stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Primitives {
    pub offset: usize,
    pub mode: u32,
    pub source: Source,
}

/// Triangles gathered so far.
#[derive(Debug, Default)]
pub(crate) struct Triangles {
    pub indices: Vec<u32>,
    pub skipped: u32,
}

impl Triangles {
    /// Adds one primitive set of a geometry with `vertices` vertices.
    pub fn add(&mut self, cur: &Cursor<'_>, set: &Primitives, vertices: usize) -> Result<()> {
        match set.source {
            Source::Arrays { first, count } => {
                let run = self.run(cur, set, first, i64::from(count), vertices)?;
                self.strip(cur, set, &run.collect::<Vec<_>>())
            }
            Source::Lengths { first, lengths } => {
                let mut at = first;
                for length in lengths.indices(cur) {
                    let run = self.run(cur, set, at, i64::from(length), vertices)?;
                    at = i32::try_from(run.end).unwrap_or(i32::MAX);
                    self.strip(cur, set, &run.collect::<Vec<_>>())?;
                }
                Ok(())
            }
            Source::Elements(array) => {
                let indices = array.indices(cur);
                if let Some(bad) = indices.iter().find(|i| **i as usize >= vertices) {
                    let found = format!("{bad} in a geometry of {vertices} vertices");
                    return Err(cur.invalid(set.offset, "vertex index", found, "less than the number of vertices"));
                }
                self.strip(cur, set, &indices)
            }
        }
    }

    fn run(
        &self,
        cur: &Cursor<'_>,
        set: &Primitives,
        first: i32,
        count: i64,
        vertices: usize,
    ) -> Result<std::ops::Range<u32>> {
        let end = i64::from(first) + count;
        match (u32::try_from(first), u32::try_from(end)) {
            (Ok(start), Ok(stop)) if count >= 0 && (stop as usize) <= vertices => Ok(start..stop),
            _ => {
                let found = format!("{first} + {count} in a geometry of {vertices} vertices");
                Err(cur.invalid(set.offset, "vertex range", found, "within the vertices"))
            }
        }
    }

    fn strip(&mut self, cur: &Cursor<'_>, set: &Primitives, v: &[u32]) -> Result<()> {
        match set.mode {
            // POINTS, LINES, LINE_STRIP, LINE_LOOP and their kinds with adjacency
            0..=3 | 10 | 11 => {
                let drawn = if set.mode == 1 { v.len() / 2 } else { v.len() };
                self.skipped = self.skipped.saturating_add(u32::try_from(drawn).unwrap_or(u32::MAX));
            }
            4 => self.indices.extend(v.chunks_exact(3).flatten()),
            5 => {
                for (i, t) in v.windows(3).enumerate() {
                    self.triangle(if i % 2 == 0 { [t[0], t[1], t[2]] } else { [t[1], t[0], t[2]] });
                }
            }
            // TRIANGLE_FAN and (convex) POLYGON
            6 | 9 => {
                for t in v.windows(2).skip(1) {
                    self.triangle([v[0], t[0], t[1]]);
                }
            }
            7 => {
                for q in v.chunks_exact(4) {
                    self.triangle([q[0], q[1], q[2]]);
                    self.triangle([q[0], q[2], q[3]]);
                }
            }
            8 => {
                for q in v.windows(4).step_by(2) {
                    self.triangle([q[0], q[1], q[2]]);
                    self.triangle([q[2], q[1], q[3]]);
                }
            }
            other => {
                return Err(cur.invalid(
                    set.offset,
                    "primitive mode",
                    other,
                    "0 to 11 (POINTS to LINE_STRIP_ADJACENCY)",
                ));
            }
        }
        Ok(())
    }

    /// Adds a triangle unless two of its corners are the same vertex, as strips use to turn.
    fn triangle(&mut self, t: [u32; 3]) {
        if t[0] != t[1] && t[1] != t[2] && t[2] != t[0] {
            self.indices.extend(t);
        }
    }
}

/// Component type of an indexed primitive set class.
pub(crate) fn elements_of_class(class: &str) -> Option<Scalar> {
    match class {
        "osg::DrawElementsUByte" => Some(Scalar::U8),
        "osg::DrawElementsUShort" => Some(Scalar::U16),
        "osg::DrawElementsUInt" => Some(Scalar::U32),
        _ => None,
    }
}
