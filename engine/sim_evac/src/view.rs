//! One member as it stands now: what frames, tables and screens show.

use crate::EvacError;
use crate::member::MemberRun;
use crate::model::EvacModel;
use crate::tenability::BREATHING_M;
use sim_core::Air;
use sim_fire::{FireRunOf, SpaceId};
use twin_model::SpaceIndex;

/// Above every smoke layer, m.
const CEILING_M: f64 = 1000.0;

/// A member at a second.
#[derive(Debug, Clone, Copy)]
pub struct EvacView<'a, const L: usize> {
    pub(crate) model: &'a EvacModel,
    pub(crate) member: &'a MemberRun,
    pub(crate) fire: Option<&'a FireRunOf<L>>,
    /// Number of the member in its fire's block.
    pub(crate) lane: usize,
    pub(crate) t_s: f64,
}

impl<'a, const L: usize> EvacView<'a, L> {
    /// The model.
    #[must_use]
    pub const fn model(&self) -> &'a EvacModel {
        self.model
    }

    /// Its people.
    #[must_use]
    pub const fn member(&self) -> &'a MemberRun {
        self.member
    }

    /// Simulated time, s.
    #[must_use]
    pub const fn t_s(&self) -> f64 {
        self.t_s
    }

    /// Air at breathing height in every space of the plan; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] passed on from the fire.
    pub fn airs(&self) -> Result<Option<Vec<Air>>, EvacError> {
        self.worst_at(BREATHING_M)
    }

    /// Extinction coefficient of the air under the ceiling of every space of the plan, 1/m; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] passed on from the fire.
    pub fn ceiling_smoke(&self) -> Result<Option<Vec<f64>>, EvacError> {
        let airs = self.worst_at(CEILING_M)?;
        Ok(airs.map(|list| list.iter().map(|a| f64::from(a.extinction_per_m)).collect()))
    }

    fn worst_at(&self, height_m: f64) -> Result<Option<Vec<Air>>, EvacError> {
        let Some(fire) = self.fire else { return Ok(None) };
        let zones = fire.airs(self.lane, height_m)?;
        let of = |k: u32| self.model.smoke.worst(&zones, SpaceIndex(k));
        Ok(Some((0..self.model.plan.spaces.len() as u32).map(of).collect()))
    }

    /// Smoke layer of every space of the plan: its lower edge above the floor in m and its temperature in °C, those of the
    /// space's zone with the lowest edge; `None` without a fire.
    ///
    /// # Errors
    /// [`EvacError::Fire`] passed on from the fire.
    pub fn layers(&self) -> Result<Option<Vec<[f64; 2]>>, EvacError> {
        let Some(fire) = self.fire else { return Ok(None) };
        let of = |zones: &Vec<SpaceId>| {
            let views = zones.iter().map(|z| fire.view(self.lane, *z).map(|v| [v.interface_m, v.upper_c]));
            let views: Vec<[f64; 2]> = views.collect::<Result<_, _>>()?;
            Ok(views.into_iter().reduce(|a, b| if b[0] < a[0] { b } else { a }).unwrap_or([f64::INFINITY, 20.0]))
        };
        self.model.smoke.zones.iter().map(of).collect::<Result<Vec<_>, EvacError>>().map(Some)
    }
}
