//! Sparse symmetric solver: one pattern per network, numbers for all members of a block at once.
//!
//! LDLᵀ without pivoting; the matrices are weighted Laplacians with a positive diagonal added, so none is needed. The order
//! of elimination is minimum degree with ties broken by number (Tinney & Walker 1967), found once.

use crate::lane::V;
use std::collections::BTreeSet;

/// Pattern of the factor and the list of its multiplications.
#[derive(Debug, Clone, Default)]
pub(crate) struct Symbolic {
    /// New number -> old number.
    order: Vec<u32>,
    /// Per column (new number): range of `rows`.
    starts: Vec<u32>,
    /// New row numbers below the diagonal, rising in a column.
    rows: Vec<u32>,
    /// Per edge given: place in the factor's values.
    slots: Vec<u32>,
    /// Per pair (a, b) of entries of a column with a < b in row order, column after column: where their product goes.
    updates: Vec<u32>,
}

impl Symbolic {
    /// `n` unknowns and the pairs of them that share a vent (repeats allowed).
    pub fn new(n: usize, edges: &[(u32, u32)]) -> Self {
        let mut near: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); n];
        for &(a, b) in edges {
            near[a as usize].insert(b);
            near[b as usize].insert(a);
        }
        let mut queue: BTreeSet<(usize, u32)> = (0..n as u32).map(|k| (near[k as usize].len(), k)).collect();
        let (mut order, mut columns) = (Vec::with_capacity(n), Vec::with_capacity(n));
        while let Some((_, k)) = queue.pop_first() {
            let around: Vec<u32> = std::mem::take(&mut near[k as usize]).into_iter().collect();
            for &a in &around {
                queue.remove(&(near[a as usize].len(), a));
                near[a as usize].remove(&k);
                near[a as usize].extend(around.iter().copied().filter(|b| *b != a));
                queue.insert((near[a as usize].len(), a));
            }
            order.push(k);
            columns.push(around);
        }
        let mut new_of = vec![0_u32; n];
        for (new, &old) in order.iter().enumerate() {
            new_of[old as usize] = new as u32;
        }
        let (mut starts, mut rows) = (vec![0_u32], Vec::new());
        for around in columns {
            let mut list: Vec<u32> = around.into_iter().map(|a| new_of[a as usize]).collect();
            list.sort_unstable();
            rows.extend(list);
            starts.push(rows.len() as u32);
        }
        let find = |column: u32, row: u32| {
            let range = starts[column as usize] as usize..starts[column as usize + 1] as usize;
            let from = range.start;
            (from + rows[range].partition_point(|r| *r < row)) as u32
        };
        let slot = |&(a, b): &(u32, u32)| {
            let (a, b) = (new_of[a as usize], new_of[b as usize]);
            find(a.min(b), a.max(b))
        };
        let slots = edges.iter().map(slot).collect();
        let mut updates = Vec::new();
        for k in 0..n {
            let column = starts[k] as usize..starts[k + 1] as usize;
            for a in column.clone() {
                updates.extend((a + 1..column.end).map(|b| find(rows[a], rows[b])));
            }
        }
        Self { order, starts, rows, slots, updates }
    }

    /// Places of the edges given to [`Symbolic::new`] in [`Numbers::below`].
    pub fn slots(&self) -> &[u32] {
        &self.slots
    }
}

/// Values of a matrix, then of its factor. Diagonal and right-hand side by old numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers<const L: usize> {
    pub diagonal: Vec<V<L>>,
    pub below: Vec<V<L>>,
    pub right: Vec<V<L>>,
}

impl<const L: usize> Numbers<L> {
    pub fn clear(&mut self, s: &Symbolic) {
        self.diagonal.clear();
        self.diagonal.resize(s.order.len(), V::default());
        self.right.clear();
        self.right.resize(s.order.len(), V::default());
        self.below.clear();
        self.below.resize(s.rows.len(), V::default());
    }

    /// Solves in place: `right` becomes the solution.
    #[inline(always)]
    pub fn solve(&mut self, s: &Symbolic) {
        let n = s.order.len();
        let mut update = 0;
        for k in 0..n {
            let old = s.order[k] as usize;
            let inverse = V::splat(1.0) / self.diagonal[old];
            self.diagonal[old] = inverse;
            let right = self.right[old];
            let column = s.starts[k] as usize..s.starts[k + 1] as usize;
            for a in column.clone() {
                let value = self.below[a];
                let factor = value * inverse;
                let row = s.order[s.rows[a] as usize] as usize;
                self.diagonal[row] -= factor * value;
                self.right[row] -= factor * right;
                for b in a + 1..column.end {
                    let target = s.updates[update] as usize;
                    update += 1;
                    let other = self.below[b];
                    self.below[target] -= factor * other;
                }
            }
        }
        for k in (0..n).rev() {
            let old = s.order[k] as usize;
            let mut sum = self.right[old];
            for a in s.starts[k] as usize..s.starts[k + 1] as usize {
                sum -= self.below[a] * self.right[s.order[s.rows[a] as usize] as usize];
            }
            self.right[old] = sum * self.diagonal[old];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim_core::CounterRng;

    #[test]
    fn random_laplacians_are_solved() {
        for case in 0..50 {
            let mut rng = CounterRng::new(7, case);
            let n = 2 + (rng.next_f64() * 40.0) as usize;
            let edges: Vec<(u32, u32)> = (0..3 * n)
                .map(|_| ((rng.next_f64() * n as f64) as u32, (rng.next_f64() * n as f64) as u32))
                .filter(|e| e.0 != e.1)
                .collect();
            let s = Symbolic::new(n, &edges);
            let mut m = Numbers::<2>::default();
            m.clear(&s);
            let mut dense = vec![vec![0.0; n]; n];
            for (e, &(a, b)) in edges.iter().enumerate() {
                let w = 0.1 + rng.next_f64();
                m.below[s.slots()[e] as usize] -= V::splat(w);
                for (x, y, sign) in [(a, a, 1.0), (b, b, 1.0), (a, b, -1.0), (b, a, -1.0)] {
                    dense[x as usize][y as usize] += sign * w;
                }
                m.diagonal[a as usize] += V::splat(w);
                m.diagonal[b as usize] += V::splat(w);
            }
            for k in 0..n {
                dense[k][k] += 0.3;
                m.diagonal[k] += V::splat(0.3);
                m.right[k] = V([k as f64, 1.0]);
            }
            m.solve(&s);
            for (k, row) in dense.iter().enumerate() {
                for lane in 0..2 {
                    let got: f64 = row.iter().zip(&m.right).map(|(a, x)| a * x.0[lane]).sum();
                    let want = if lane == 0 { k as f64 } else { 1.0 };
                    assert!((got - want).abs() < 1e-9, "{case} {k} {got} {want}");
                }
            }
        }
    }
}
