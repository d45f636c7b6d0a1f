//! Where the cases of another city go in this community: said by an option, never done silently.

use community_pack::Manifest;
use geo_frame::{EnuFrame, Geodetic};
use serde::Serialize;
use twin_model::Placement;

/// What to do with a place outside the community.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outside {
    /// Take the case without a place.
    #[default]
    Unlocated,
    /// Move all places into the community: the file's extent is stretched onto the community's.
    Fit,
    /// Refuse the row.
    Refuse,
}

/// x = `east[0]`·longitude + `east[1]`, y = `north[0]`·latitude + `north[1]`, metres.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Affine {
    pub east: [f64; 2],
    pub north: [f64; 2],
}

/// Places of one file in one community.
pub struct Places {
    frame: EnuFrame,
    /// Lowest and highest x and y of the community, ENU metres.
    bounds: [[f64; 2]; 2],
    outside: Outside,
    pub affine: Option<Affine>,
}

/// Of the community's width left free on each side when places are moved into it.
const MARGIN: f64 = 0.02;

impl Places {
    pub fn new(manifest: &Manifest, outside: Outside, all: impl Iterator<Item = [f64; 2]>) -> Self {
        let [low, high] = manifest.bounds_enu;
        let bounds = [[low[0], low[1]], [high[0], high[1]]];
        let affine = (outside == Outside::Fit).then(|| fit(bounds, all)).flatten();
        Self { frame: manifest.origin.frame(), bounds, outside, affine }
    }

    /// Where a place of the file is here; the error is the reason of a refused row.
    pub fn place(&self, lon_lat: Option<[f64; 2]>) -> Result<(Option<[f64; 3]>, Placement), String> {
        let Some([lon_deg, lat_deg]) = lon_lat else { return Ok((None, Placement::Unlocated)) };
        if let Some(a) = self.affine {
            let p = [a.east[0] * lon_deg + a.east[1], a.north[0] * lat_deg + a.north[1], 0.0];
            return Ok((Some(p), Placement::Mapped));
        }
        let p = self.frame.enu_from_geodetic(Geodetic { lon_deg, lat_deg, height_m: 0.0 });
        let [low, high] = self.bounds;
        if (low[0]..=high[0]).contains(&p.x) && (low[1]..=high[1]).contains(&p.y) {
            return Ok((Some([p.x, p.y, 0.0]), Placement::Given));
        }
        match self.outside {
            Outside::Refuse => Err(format!("longitude {lon_deg}, latitude {lat_deg} is outside the community")),
            Outside::Unlocated | Outside::Fit => Ok((None, Placement::Unlocated)),
        }
    }
}

fn fit(bounds: [[f64; 2]; 2], all: impl Iterator<Item = [f64; 2]>) -> Option<Affine> {
    let start = [[f64::INFINITY; 2], [f64::NEG_INFINITY; 2]];
    let [low, high] = all
        .fold(start, |[low, high], p| [[low[0].min(p[0]), low[1].min(p[1])], [high[0].max(p[0]), high[1].max(p[1])]]);
    let axis = |i: usize| {
        let (from, to) = (bounds[0][i], bounds[1][i]);
        let margin = (to - from) * MARGIN;
        let width = high[i] - low[i];
        // A single place, or all on one line: into the middle.
        let scale = if width > 0.0 { (to - from - 2.0 * margin) / width } else { 0.0 };
        let offset = if width > 0.0 { from + margin - scale * low[i] } else { (from + to) / 2.0 };
        [scale, offset]
    };
    low[0].is_finite().then(|| Affine { east: axis(0), north: axis(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extent_is_stretched_and_nothing_falls_outside() {
        let bounds = [[0.0, -100.0], [1000.0, 100.0]];
        let points = [[-74.2, 40.5], [-73.7, 40.9], [-74.0, 40.7]];
        let a = fit(bounds, points.into_iter()).unwrap();
        let at = |p: [f64; 2]| [a.east[0] * p[0] + a.east[1], a.north[0] * p[1] + a.north[1]];
        for (got, wanted) in
            [(at(points[0]), [20.0, -96.0]), (at(points[1]), [980.0, 96.0]), (at(points[2]), [404.0, 0.0])]
        {
            assert!((got[0] - wanted[0]).abs() < 1e-6 && (got[1] - wanted[1]).abs() < 1e-6, "{got:?} {wanted:?}");
        }
        let one = fit(bounds, [[5.0, 5.0]].into_iter()).unwrap();
        assert_eq!((one.east, one.north), ([0.0, 500.0], [0.0, 0.0]));
        assert_eq!(fit(bounds, std::iter::empty()), None);
    }
}
