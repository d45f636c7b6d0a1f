//! Sparse LU without pivoting for matrices whose pattern is a graph and whose columns are diagonally dominant.
//!
//! The order of elimination (minimum degree, ties to the lower number) and the fill are found once; a tree has no
//! fill at all. Nothing here depends on threads or on hashing, so results have the same bits everywhere.

use std::collections::BTreeSet;

/// Pattern, order and updates of the elimination.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Symbolic {
    /// Unknown eliminated as k-th.
    order: Vec<u32>,
    /// Per pivot: range of `later` and of the off-diagonal slots.
    start: Vec<u32>,
    /// Per slot: the unknown that the pivot meets.
    later: Vec<u32>,
    /// Per pair of slots of a pivot, in order: where the product goes. Top bit: a diagonal.
    targets: Vec<u32>,
    /// Per pivot: range of `targets`.
    target_start: Vec<u32>,
    /// Per unknown: its place in the order.
    place: Vec<u32>,
}

/// Numbers of one matrix and right-hand side.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    pub diag: Vec<f64>,
    /// A[later][pivot] per slot.
    lower: Vec<f64>,
    /// A[pivot][later] per slot.
    upper: Vec<f64>,
    pub rhs: Vec<f64>,
}

/// Where the two off-diagonal numbers of a pair of unknowns (a, b) lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slot {
    slot: u32,
    /// `true`: a is eliminated before b.
    a_first: bool,
}

impl Symbolic {
    /// Analyses the graph of `n` unknowns with the given edges.
    pub(crate) fn new(n: usize, edges: &[(u32, u32)]) -> Self {
        let mut graph: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); n];
        for &(a, b) in edges {
            graph[a as usize].insert(b);
            graph[b as usize].insert(a);
        }
        let mut queue: BTreeSet<(usize, u32)> = graph.iter().enumerate().map(|(k, g)| (g.len(), k as u32)).collect();
        let (mut order, mut start, mut later) = (Vec::with_capacity(n), vec![0_u32], Vec::new());
        while let Some((_, pivot)) = queue.pop_first() {
            let around = std::mem::take(&mut graph[pivot as usize]);
            for &i in &around {
                queue.remove(&(graph[i as usize].len(), i));
                graph[i as usize].remove(&pivot);
                graph[i as usize].extend(around.iter().filter(|j| **j != i));
                queue.insert((graph[i as usize].len(), i));
            }
            order.push(pivot);
            later.extend(around);
            start.push(later.len() as u32);
        }
        let mut place = vec![0_u32; n];
        order.iter().enumerate().for_each(|(k, p)| place[*p as usize] = k as u32);
        let mut s = Self { order, start, later, targets: vec![], target_start: vec![0], place };
        for k in 0..n {
            let range = s.range(k);
            for i in range.clone() {
                for j in range.clone() {
                    let (a, b) = (s.later[i], s.later[j]);
                    let to = if a == b { a | DIAGONAL } else { s.slot_number(a, b) };
                    s.targets.push(to);
                }
            }
            s.target_start.push(s.targets.len() as u32);
        }
        s
    }

    fn range(&self, k: usize) -> std::ops::Range<usize> {
        self.start[k] as usize..self.start[k + 1] as usize
    }

    fn slot_number(&self, a: u32, b: u32) -> u32 {
        let (first, second) = if self.place[a as usize] < self.place[b as usize] { (a, b) } else { (b, a) };
        let range = self.range(self.place[first as usize] as usize);
        let offset = self.later[range.clone()].binary_search(&second).unwrap_or_default();
        (range.start + offset) as u32
    }

    /// Slot of an edge given to [`Symbolic::new`].
    pub(crate) fn slot(&self, a: u32, b: u32) -> Slot {
        Slot { slot: self.slot_number(a, b), a_first: self.place[a as usize] < self.place[b as usize] }
    }

    /// Room for a matrix.
    pub(crate) fn numbers(&self) -> Numbers {
        let (n, m) = (self.order.len(), self.later.len());
        Numbers { diag: vec![0.0; n], lower: vec![0.0; m], upper: vec![0.0; m], rhs: vec![0.0; n] }
    }

    /// Replaces `rhs` by the solution; the matrix is used up.
    pub(crate) fn solve(&self, m: &mut Numbers) {
        for (k, &pivot) in self.order.iter().enumerate() {
            let range = self.range(k);
            let (d, r) = (m.diag[pivot as usize], m.rhs[pivot as usize]);
            let mut target = self.target_start[k] as usize;
            for i in range.clone() {
                let factor = m.lower[i] / d;
                m.rhs[self.later[i] as usize] -= factor * r;
                for j in range.clone() {
                    let change = factor * m.upper[j];
                    let to = self.targets[target];
                    target += 1;
                    if to & DIAGONAL != 0 {
                        m.diag[(to & !DIAGONAL) as usize] -= change;
                    } else if self.place[self.later[i] as usize] < self.place[self.later[j] as usize] {
                        m.upper[to as usize] -= change;
                    } else {
                        m.lower[to as usize] -= change;
                    }
                }
            }
        }
        for (k, &pivot) in self.order.iter().enumerate().rev() {
            let sum: f64 = self.range(k).map(|i| m.upper[i] * m.rhs[self.later[i] as usize]).sum();
            m.rhs[pivot as usize] = (m.rhs[pivot as usize] - sum) / m.diag[pivot as usize];
        }
    }
}

const DIAGONAL: u32 = 1 << 31;

impl Numbers {
    pub(crate) fn clear(&mut self) {
        for part in [&mut self.diag, &mut self.lower, &mut self.upper, &mut self.rhs] {
            part.fill(0.0);
        }
    }

    /// Adds to A[a][b] and A[b][a] of the slot's pair.
    pub(crate) fn add(&mut self, s: Slot, ab: f64, ba: f64) {
        let (upper, lower) = if s.a_first { (ab, ba) } else { (ba, ab) };
        self.upper[s.slot as usize] += upper;
        self.lower[s.slot as usize] += lower;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim_core::CounterRng;

    #[test]
    fn random_graphs_are_solved() {
        for seed in 0..30 {
            let mut rng = CounterRng::new(seed, 0);
            let n = 2 + rng.below(40) as u32;
            let mut edges: Vec<(u32, u32)> = (1..n).map(|k| (k, rng.below(u64::from(k)) as u32)).collect();
            for _ in 0..rng.below(u64::from(n)) {
                let (a, b) = (rng.below(u64::from(n)) as u32, rng.below(u64::from(n)) as u32);
                if a != b {
                    edges.push((a, b));
                }
            }
            let s = Symbolic::new(n as usize, &edges);
            let mut m = s.numbers();
            let mut dense = vec![vec![0.0; n as usize]; n as usize];
            for &(a, b) in &edges {
                let (ab, ba) = (-rng.next_f64(), -rng.next_f64());
                m.add(s.slot(a, b), ab, ba);
                let (a, b) = (a as usize, b as usize);
                dense[a][b] += ab;
                dense[b][a] += ba;
                dense[b][b] -= ab;
                dense[a][a] -= ba;
            }
            let x: Vec<f64> = (0..n).map(|_| rng.range_f64(-5.0, 5.0)).collect();
            for k in 0..n as usize {
                dense[k][k] += 0.1;
                m.diag[k] = dense[k][k];
                m.rhs[k] = (0..n as usize).map(|j| dense[k][j] * x[j]).sum();
            }
            s.solve(&mut m);
            for (got, want) in m.rhs.iter().zip(&x) {
                assert!((got - want).abs() < 1e-9, "seed {seed}: {got} {want}");
            }
        }
    }

    #[test]
    fn a_tree_has_no_fill() {
        let edges: Vec<(u32, u32)> = (1..1000_u32).map(|k| (k, (k - 1) / 3)).collect();
        assert_eq!(Symbolic::new(1000, &edges).later.len(), 999);
    }
}
