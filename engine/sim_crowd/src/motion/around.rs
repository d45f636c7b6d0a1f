//! Who is around: the people of nine cells, in chunks of sixteen.

use crate::lanes::WIDTH;
use crate::math::{V2, crossing};
use crate::sort::Columns;
use crate::world::{Layer, Near};

/// Far outside every reach, yet with a finite square: where nobody is.
const FAR: f32 = 1e15;

/// People around, then nobody to the end of the last chunk.
#[derive(Default)]
pub(super) struct Around {
    pub people: Columns,
    len: usize,
    /// Who a wall hides from the person looking now: position in the columns, and x.
    hidden: Vec<(usize, f32)>,
}

impl Around {
    /// Chunks in use.
    #[inline(always)]
    pub(super) const fn chunks(&self) -> usize {
        self.len.div_ceil(WIDTH)
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds `from..to` of all people; the last chunk is open until [`Around::seal`].
    #[inline(always)]
    pub(super) fn extend(&mut self, all: &Columns, from: usize, to: usize) {
        let end = self.len + (to - from);
        self.people.reach(end);
        for (mine, theirs) in self.people.each_mut().into_iter().zip(all.each()) {
            // Whole chunks: what is copied beyond the end is overwritten or sealed.
            for k in (0..to - from).step_by(WIDTH) {
                mine[self.len + k..][..WIDTH].copy_from_slice(&theirs[from + k..][..WIDTH]);
            }
        }
        self.len = end;
    }

    pub(super) fn push(&mut self, person: &[f32; 7]) {
        self.people.reach(self.len + 1);
        for (mine, value) in self.people.each_mut().into_iter().zip(person) {
            mine[self.len] = *value;
        }
        self.len += 1;
    }

    /// Drops all beyond `len` and fills the last chunk with nobody.
    #[inline(always)]
    pub(super) fn seal(&mut self, len: usize) {
        self.len = len;
        self.people.reach(len);
        // Who is far away in x is out of reach, whatever else stands there.
        self.people.x[len..len + WIDTH].fill(FAR);
    }

    /// Puts those of the first `len` whom a wall of `layer` near `p` hides out of sight, until [`Around::show_all`].
    #[inline(always)]
    pub(super) fn hide_behind_walls(&mut self, layer: &Layer, near: Near<'_>, p: V2, len: usize) {
        for k in 0..len {
            let q = [self.people.x[k], self.people.y[k]];
            let between = |w: &u32| {
                let wall = &layer.segments[*w as usize];
                crossing(p, q, wall.a, wall.b).is_some()
            };
            if near.walls.iter().any(between) {
                self.hidden.push((k, std::mem::replace(&mut self.people.x[k], FAR)));
            }
        }
    }

    #[inline(always)]
    pub(super) fn show_all(&mut self) {
        for (k, x) in self.hidden.drain(..) {
            self.people.x[k] = x;
        }
    }
}
