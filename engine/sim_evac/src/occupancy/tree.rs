//! Numbers of people in nested sets of spaces, given counts of some sets: exact sums over whole numbers, no iteration.
//!
//! Given the building's factor G, the spaces' numbers are independent and negative binomial with means G mᵢ and one ratio of variance
//! to mean F; so are sums over unobserved spaces, and the split of such a sum is a Pólya urn. A set's distribution is the convolution
//! of those of its parts times the likelihood of its count. Draws go down from the whole: G, total, parts, spaces.

use sim_core::CounterRng;

/// A set of spaces with a count, and the sets within it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Node {
    /// Count and its standard deviation; the root may have none.
    pub seen: Option<(f64, f64)>,
    pub children: Vec<Node>,
    /// Spaces of the set that lie in no child, with their means.
    pub rest: Vec<(usize, f64)>,
}

/// Spread of the prior.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// Ratio of variance to mean of a space's number, > 1.
    pub fano: f64,
    /// Relative standard deviation of the building's factor.
    pub factor_cv: f64,
}

/// Values of the building's factor tried: 61, a quarter of its spread apart, at most a ninth (then from 1/25 to 25).
const FACTORS: usize = 61;
const WIDEST_RATIO: f64 = 1.113;
/// Windows end where a normal law would hold less than 1e-15.
const DEVIATIONS: f64 = 8.0;

/// Probabilities of the whole numbers from `low` on, times e^log.
#[derive(Debug, Clone, Default)]
struct Window {
    low: i64,
    p: Vec<f64>,
    log: f64,
}

impl Window {
    fn at(&self, n: i64) -> f64 {
        usize::try_from(n - self.low).ok().and_then(|k| self.p.get(k)).copied().unwrap_or(0.0)
    }

    fn high(&self) -> i64 {
        self.low + self.p.len() as i64 - 1
    }

    /// Takes the greatest value out and drops ends that no longer count.
    fn scaled(mut self) -> Self {
        let top = self.p.iter().copied().fold(0.0, f64::max);
        if top <= 0.0 {
            return Self { low: 0, p: Vec::new(), log: f64::NEG_INFINITY };
        }
        self.p.iter_mut().for_each(|p| *p /= top);
        self.log += libm::log(top);
        let counts = |p: &f64| *p > 1e-18;
        let first = self.p.iter().position(counts).unwrap_or(0);
        let last = self.p.iter().rposition(counts).unwrap_or(0);
        self.p.truncate(last + 1);
        self.p.drain(..first);
        self.low += first as i64;
        self
    }

    fn with(&self, other: &Self) -> Self {
        if self.p.is_empty() || other.p.is_empty() {
            return Self { low: 0, p: Vec::new(), log: f64::NEG_INFINITY };
        }
        let mut p = vec![0.0; self.p.len() + other.p.len() - 1];
        for (i, a) in self.p.iter().enumerate() {
            for (out, b) in p[i..].iter_mut().zip(&other.p) {
                *out += a * b;
            }
        }
        Self { low: self.low + other.low, p, log: self.log + other.log }.scaled()
    }
}

/// Logarithm of the negative binomial with mean m and variance F m.
fn log_nb(n: i64, mean: f64, fano: f64) -> f64 {
    let b = fano - 1.0;
    let (r, n) = (mean / b, n as f64);
    libm::lgamma(n + r) - libm::lgamma(r) - libm::lgamma(n + 1.0) + n * libm::log(b / fano) - r * libm::log(fano)
}

fn negative_binomial(mean: f64, fano: f64, [low, high]: [i64; 2]) -> Window {
    let logs: Vec<f64> = (low..=high).map(|n| log_nb(n, mean, fano)).collect();
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !top.is_finite() {
        return Window { log: f64::NEG_INFINITY, ..Window::default() };
    }
    Window { low, p: logs.iter().map(|l| libm::exp(l - top)).collect(), log: top }.scaled()
}

/// Bounds of a count, whole numbers.
fn bounds((count, sd): (f64, f64)) -> [i64; 2] {
    let away = DEVIATIONS * sd;
    let low = if sd == 0.0 { count.round() } else { (count - away).floor() };
    let high = if sd == 0.0 { count.round() } else { (count + away).ceil() };
    [low.max(0.0) as i64, high.max(0.0) as i64]
}

/// A node under one factor.
#[derive(Debug)]
struct Solved {
    /// Of the whole set, its count included.
    whole: Window,
    /// Of the first k children together.
    prefixes: Vec<Window>,
    rest: Window,
    children: Vec<Solved>,
}

fn solve(node: &Node, factor: f64, s: &Spread) -> Solved {
    let children: Vec<Solved> = node.children.iter().map(|c| solve(c, factor, s)).collect();
    let mut prefixes = vec![Window { low: 0, p: vec![1.0], log: 0.0 }];
    for c in &children {
        let next = prefixes[prefixes.len() - 1].with(&c.whole);
        prefixes.push(next);
    }
    let all = &prefixes[prefixes.len() - 1];
    let mean = factor * node.rest.iter().map(|r| r.1).sum::<f64>();
    let rest = if node.rest.is_empty() {
        Window { low: 0, p: vec![1.0], log: 0.0 }
    } else {
        let away = 10.0 * (s.fano * mean).sqrt() + 10.0 * s.fano;
        let mut reach = [(mean - away).max(0.0) as i64, (mean + away).ceil() as i64];
        if let Some(seen) = node.seen {
            let [low, high] = bounds(seen);
            reach = [(low - all.high()).max(0), (high - all.low).max(0)];
        }
        negative_binomial(mean, s.fano, reach)
    };
    let mut whole = all.with(&rest);
    if let Some((count, sd)) = node.seen {
        let [low, high] = bounds((count, sd));
        let first = whole.low;
        for (k, p) in whole.p.iter_mut().enumerate() {
            let n = first + k as i64;
            let z = if sd > 0.0 { (n as f64 - count) / sd } else { 0.0 };
            *p *= if n < low || n > high { 0.0 } else { libm::exp(-0.5 * z * z) };
        }
        whole = whole.scaled();
    }
    Solved { whole, prefixes, rest, children }
}

/// Everything that is known of a tree of counts.
#[derive(Debug)]
pub(crate) struct Posterior<'a> {
    root: &'a Node,
    spread: Spread,
    /// (factor, probability, solution).
    factors: Vec<(f64, f64, Solved)>,
}

/// Solves a tree; `None` when no numbers of people fit all counts.
pub(crate) fn posterior(root: &Node, spread: Spread) -> Option<Posterior<'_>> {
    // Gamma with mean 1: shape k = 1/cv², density in the logarithm ∝ g^k e^(-k g).
    let shape = 1.0 / (spread.factor_cv * spread.factor_cv).max(1e-6);
    let ratio = (1.0 + 0.25 * spread.factor_cv).min(WIDEST_RATIO);
    let tried = (0..FACTORS).map(|k| libm::pow(ratio, k as f64 - (FACTORS / 2) as f64));
    let mut factors: Vec<(f64, f64, Solved)> = tried
        .map(|g| {
            let solved = solve(root, g, &spread);
            let held: f64 = solved.whole.p.iter().sum();
            let log = shape * (libm::log(g) - g) + solved.whole.log + libm::log(held);
            (g, log, solved)
        })
        .filter(|f| f.1.is_finite())
        .collect();
    let top = factors.iter().map(|f| f.1).reduce(f64::max)?;
    let sum: f64 = factors.iter().map(|f| libm::exp(f.1 - top)).sum();
    factors.iter_mut().for_each(|f| f.1 = libm::exp(f.1 - top) / sum);
    factors.retain(|f| f.1 > 1e-9);
    Some(Posterior { root, spread, factors })
}

fn pick(weights: impl Iterator<Item = f64> + Clone, u: f64) -> usize {
    let sum: f64 = weights.clone().sum();
    let (mut below, mut last) = (0.0, 0);
    for (k, w) in weights.enumerate().filter(|(_, w)| *w > 0.0) {
        below += w;
        last = k;
        if u * sum < below {
            return k;
        }
    }
    last
}

impl Posterior<'_> {
    /// One draw into `people`, per space.
    pub fn draw(&self, rng: &mut CounterRng, people: &mut [u32]) {
        let (factor, _, solved) = &self.factors[pick(self.factors.iter().map(|f| f.1), rng.next_f64())];
        let whole = &solved.whole;
        let total = whole.low + pick(whole.p.iter().copied(), rng.next_f64()) as i64;
        self.split(self.root, solved, *factor, total, rng, people);
    }

    fn split(&self, node: &Node, s: &Solved, factor: f64, total: i64, rng: &mut CounterRng, people: &mut [u32]) {
        let all = &s.prefixes[s.prefixes.len() - 1];
        let weights = s.rest.p.iter().enumerate().map(|(k, p)| p * all.at(total - s.rest.low - k as i64));
        let rest = s.rest.low + pick(weights, rng.next_f64()) as i64;
        self.urn(&node.rest, factor, rest, rng, people);
        let mut left = total - rest;
        for k in (0..node.children.len()).rev() {
            let (own, before) = (&s.children[k].whole, &s.prefixes[k]);
            let weights = own.p.iter().enumerate().map(|(j, p)| p * before.at(left - own.low - j as i64));
            let part = own.low + pick(weights, rng.next_f64()) as i64;
            left -= part;
            self.split(&node.children[k], &s.children[k], factor, part, rng, people);
        }
    }

    /// Pólya's urn: each person goes to a space by its weight and by how many are there already.
    fn urn(&self, spaces: &[(usize, f64)], factor: f64, count: i64, rng: &mut CounterRng, people: &mut [u32]) {
        let mut below = Vec::with_capacity(spaces.len());
        let mut sum = 0.0;
        for (_, mean) in spaces {
            sum += factor * mean / (self.spread.fano - 1.0);
            below.push(sum);
        }
        let mut placed: Vec<usize> = Vec::with_capacity(count.max(0) as usize);
        for _ in 0..count.max(0) {
            let u = rng.next_f64() * (sum + placed.len() as f64);
            let k = if u < sum {
                below.partition_point(|b| *b <= u).min(spaces.len() - 1)
            } else {
                placed[(u - sum) as usize % placed.len()]
            };
            placed.push(k);
            people[spaces[k].0] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPREAD: Spread = Spread { fano: 3.0, factor_cv: 0.4 };

    fn moments(root: &Node, spread: Spread, spaces: usize, of: impl Fn(&[u32]) -> f64) -> (f64, f64) {
        let p = posterior(root, spread).unwrap();
        let (mut s, mut q) = (0.0, 0.0);
        let n = 10_000;
        for k in 0..n {
            let mut people = vec![0; spaces];
            p.draw(&mut CounterRng::new(3, k), &mut people);
            let x = of(&people);
            s += x;
            q += x * x;
        }
        let mean = s / n as f64;
        (mean, q / n as f64 - mean * mean)
    }

    #[test]
    fn negative_binomial_sums_to_one_and_has_its_moments() {
        let w = negative_binomial(12.0, 3.0, [0, 300]);
        let sum: f64 = w.p.iter().sum::<f64>() * libm::exp(w.log);
        let mean: f64 = (0..=300).map(|n| n as f64 * w.at(n)).sum::<f64>() * libm::exp(w.log);
        let square: f64 = (0..=300).map(|n| (n * n) as f64 * w.at(n)).sum::<f64>() * libm::exp(w.log);
        assert!((sum - 1.0).abs() < 1e-10 && (mean - 12.0).abs() < 1e-8, "{sum} {mean}");
        assert!((square - mean * mean - 36.0).abs() < 1e-6);
    }

    #[test]
    fn without_counts_the_prior_comes_back() {
        let root = Node { rest: vec![(0, 30.0), (1, 10.0)], ..Node::default() };
        let (mean, var) = moments(&root, SPREAD, 2, |p| f64::from(p[0] + p[1]));
        // Mean 40; variance F m + (cv m)² = 120 + 256. Standard errors 0.2 and about 7.
        assert!((mean - 40.0).abs() < 0.8, "{mean}");
        assert!((var - 376.0).abs() < 40.0, "{var}");
    }

    #[test]
    fn a_total_known_exactly_is_split_by_the_urn() {
        let root = Node { seen: Some((60.0, 0.0)), rest: vec![(0, 30.0), (1, 10.0)], ..Node::default() };
        // The factor is almost fixed by a narrow prior, so that the urn has weights 15 and 5.
        let narrow = Spread { fano: 3.0, factor_cv: 0.001 };
        let p = posterior(&root, narrow).unwrap();
        for k in 0..500 {
            let mut people = vec![0; 2];
            p.draw(&mut CounterRng::new(1, k), &mut people);
            assert_eq!(people[0] + people[1], 60);
        }
        let (mean, var) = moments(&root, narrow, 2, |p| f64::from(p[0]));
        // Dirichlet-multinomial with n = 60, α = (15, 5): mean 45, variance n p q (n + α)/(1 + α) = 11.25 · 80/21 = 42.857.
        assert!((mean - 45.0).abs() < 0.27, "{mean}");
        assert!((var - 42.857).abs() < 2.6, "{var}");
    }

    #[test]
    fn one_space_with_a_blurred_count_is_gaussian() {
        // Prior by the factor almost flat near the count: posterior mean and deviation are those of the reading and the prior, weighted
        // by precision; checked against the sum over whole numbers.
        let root = Node { seen: Some((100.0, 5.0)), rest: vec![(0, 90.0)], ..Node::default() };
        let spread = Spread { fano: 3.0, factor_cv: 0.001 };
        let (prior_var, noise) = (270.0, 25.0);
        let exact = (90.0 / prior_var + 100.0 / noise) / (1.0 / prior_var + 1.0 / noise);
        let var_exact = 1.0 / (1.0 / prior_var + 1.0 / noise);
        let (mean, var) = moments(&root, spread, 1, |p| f64::from(p[0]));
        assert!((mean - exact).abs() < 0.3, "{mean} {exact}");
        assert!((var / var_exact - 1.0).abs() < 0.06, "{var} {var_exact}");
    }

    #[test]
    fn nested_counts_meet_exactly() {
        let storey = |first: usize, seen| Node { seen, children: vec![], rest: vec![(first, 10.0), (first + 1, 20.0)] };
        let children = vec![storey(0, Some((12.0, 0.0))), storey(2, Some((50.0, 4.0)))];
        let root = Node { seen: Some((70.0, 0.0)), children, rest: vec![(4, 5.0)] };
        let p = posterior(&root, SPREAD).unwrap();
        let mut second = 0.0;
        for k in 0..4000 {
            let mut people = vec![0; 5];
            p.draw(&mut CounterRng::new(9, k), &mut people);
            assert_eq!(people.iter().sum::<u32>(), 70);
            assert_eq!(people[0] + people[1], 12);
            second += f64::from(people[2] + people[3]);
        }
        // 58 are left for the second storey (50 ± 4) and a space of about 5: between both.
        assert!((50.0..56.0).contains(&(second / 4000.0)), "{}", second / 4000.0);
    }

    #[test]
    fn what_cannot_be_is_told() {
        let child = Node { seen: Some((12.0, 0.0)), children: vec![], rest: vec![(0, 10.0)] };
        let root = Node { seen: Some((7.0, 0.0)), children: vec![child], rest: vec![] };
        assert!(posterior(&root, SPREAD).is_none());
    }
}
