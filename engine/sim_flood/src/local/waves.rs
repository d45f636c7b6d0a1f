//! How fast the waves of a tile are: what its step and those of its neighbours must suit.

use crate::Real;
use crate::rows::{WIDE, max, max_or_nan};
use crate::tile::Tile;

/// Rows and columns beside an edge whose waves the neighbour's step must suit too: a wave from farther in does not reach the
/// edge within that step.
const STRIP: usize = 4;

/// Fastest waves (speed plus celerity), m/s.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct TileWaves {
    pub all: f64,
    /// Of the [`STRIP`] columns or rows beside the west, east, south and north edge.
    pub edge: [f64; 4],
}

/// [`tile_waves`] for the instruction set of the machine.
pub(crate) struct WavesOp<'a, R> {
    pub g: R,
    pub tile: &'a Tile,
    pub water: [&'a [R]; 3],
}

impl<R: Real> pulp::WithSimd for WavesOp<'_, R> {
    type Output = TileWaves;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _: S) -> TileWaves {
        tile_waves(self.g, self.tile, self.water)
    }
}

/// Waves of a tile from its rows of depth and velocities, [`WIDE`] values apart. A value that is not finite gives NaN.
#[inline(always)]
fn tile_waves<R: Real>(g: R, t: &Tile, [h, u, v]: [&[R]; 3]) -> TileWaves {
    let (rows, z) = (t.r1 - t.r0, [R::ZERO; WIDE]);
    let (mut every, mut south, mut north, mut bad) = (z, z, z, z);
    for j in 0..rows {
        let at = j * WIDE..(j + 1) * WIDE;
        let (h, u, v) = (&h[at.clone()], &u[at.clone()], &v[at]);
        let mut wave = z;
        for i in 0..WIDE {
            wave[i] = max(u[i].abs(), v[i].abs()) + (g * h[i]).sqrt();
            every[i] = max(every[i], wave[i]);
            bad[i] += wave[i] * R::ZERO;
        }
        if j < STRIP {
            (0..WIDE).for_each(|i| south[i] = max(south[i], wave[i]));
        }
        if j + STRIP >= rows {
            (0..WIDE).for_each(|i| north[i] = max(north[i], wave[i]));
        }
    }
    let w = t.width;
    let most = |waves: &[R]| waves.iter().fold(R::ZERO, |m, x| max(m, *x)).to_f64();
    let strip = STRIP.min(w);
    let bad = bad[..w].iter().fold(R::ZERO, |m, x| m + *x).to_f64();
    TileWaves {
        all: max_or_nan(bad, most(&every[..w])),
        edge: [most(&every[..strip]), most(&every[w - strip..w]), most(&south[..w]), most(&north[..w])],
    }
}
