//! Parameters of the walking model.

use crate::CrowdError;
use crate::hazard::SmokeLaw;
use sim_core::ParamError;

/// How speed follows the free distance s − l to the person ahead (间距–速度关系).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpacingLaw {
    /// v = v0 x / √(1 + x²), x = (s − l) / L, scaled so that v = v0 at the end of the reach. L is the same length for
    /// everybody, the time gap times [`SpacingLaw::OF_MPS`]: speeds at equal density are in proportion to free speeds, as
    /// measured on old and young people (their diagrams fall together when divided by the free speed) and as in
    /// Weidmann's (1993) and the SFPE's forms.
    #[default]
    Eased,
    /// v = min(v0, (s − l) / T): the collision-free speed model as published (Tordeux, Chraibi, Seyfried 2016).
    Clamped,
}

impl SpacingLaw {
    /// Free speed of those whose time gap the given one is, m/s: Weidmann's mean.
    pub const OF_MPS: f32 = 1.34;

    /// Speed over wanted speed at a free distance `gap_m`, when the longest one seen is `sight_m`.
    #[inline(always)]
    pub(crate) fn speed_mps(self, wanted_mps: f32, gap_m: f32, gap_s: f32, sight_m: f32) -> f32 {
        match self {
            Self::Clamped => (gap_m / gap_s).clamp(0.0, wanted_mps),
            Self::Eased => {
                let l2 = (gap_s * Self::OF_MPS) * (gap_s * Self::OF_MPS);
                let (near2, far2) = (gap_m.max(0.0) * gap_m.max(0.0), sight_m * sight_m);
                wanted_mps * (near2 * (l2 + far2) / ((l2 + near2) * far2)).min(1.0).sqrt()
            }
        }
    }
}

/// Parameters shared by all people of a run. Defaults are the one calibrated set (see the crate's README).
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct CrowdParams {
    /// Seed of every random number of the run.
    pub seed: u64,
    /// Time step, s, 0.01 to 0.1.
    pub dt_s: f32,
    /// How far people look at others, m, 0.8 to 5; also the cell size of the neighbour grid.
    pub reach_m: f32,
    /// Nearest that the centre of a person comes to a wall, m, 0.1 to 0.3: half the width of a turned body.
    pub clearance_m: f32,
    /// Strength of turning aside for others (避让强度), 0 to 20.
    pub push: f32,
    /// Part of that strength which is left in who stands, 0 to 1: who is stuck presses on towards the goal.
    pub push_standing: f32,
    /// Range of turning aside, m, 0.01 to 1.
    pub push_range_m: f32,
    /// Strength of turning away from walls, 0 to 20.
    pub wall_push: f32,
    /// Range of turning away from walls, m, 0.01 to 1.
    pub wall_range_m: f32,
    /// How far ahead others' movement is anticipated (预判时间), s, 0 to 2.
    pub anticipation_s: f32,
    /// Time in which a person turns, s, 0 to 1.
    pub turn_s: f32,
    /// Time without movement after which a person turns the shoulders, s, 0.2 to 10.
    pub clog_wait_s: f32,
    /// Distance of centres at which turned bodies pass, m, 0.2 to 0.4.
    pub squeezed_m: f32,
    /// Breadth of the way that must be free, as a fraction of both diameters, 0.3 to 1: bodies are broader along the
    /// step than across it.
    pub breadth: f32,
    /// How readily people give way to those who come towards them, 0 to 2.
    pub give_way: f32,
    /// Seconds between two looks at the routes, 0.2 to 60.
    pub reroute_s: f32,
    /// Fraction by which a new way must be better before it is taken, 0 to 0.9.
    pub hysteresis: f32,
    /// How speed follows the distance to the person ahead.
    pub spacing: SpacingLaw,
    /// How smoke slows people.
    pub smoke_law: SmokeLaw,
    /// Dose (FED) at which a person can no longer walk, 0.1 to 10.
    pub fed_limit: f32,
    /// Whether gas doses follow ISO 13571 instead of Purser's fuller form.
    pub iso_13571: bool,
}

impl Default for CrowdParams {
    fn default() -> Self {
        Self {
            seed: 1,
            dt_s: 0.05,
            reach_m: 1.75,
            clearance_m: 0.15,
            push: 2.6,
            push_standing: 0.05,
            push_range_m: 0.4,
            wall_push: 1.0,
            wall_range_m: 0.05,
            anticipation_s: 0.25,
            turn_s: 0.15,
            clog_wait_s: 0.5,
            squeezed_m: 0.30,
            breadth: 0.55,
            give_way: 1.0,
            reroute_s: 1.0,
            hysteresis: 0.15,
            spacing: SpacingLaw::Eased,
            smoke_law: SmokeLaw::Lund,
            fed_limit: 1.0,
            iso_13571: false,
        }
    }
}

impl CrowdParams {
    /// Checks every field.
    ///
    /// # Errors
    /// [`CrowdError::Param`] naming the field, its value and its range.
    pub fn validate(&self) -> Result<(), CrowdError> {
        let fields: [(&str, f32, &'static str, f64, f64); 17] = [
            ("dt_s", self.dt_s, "s", 0.01, 0.1),
            ("reach_m", self.reach_m, "m", 0.8, 5.0),
            ("clearance_m", self.clearance_m, "m", 0.1, 0.3),
            ("push", self.push, "-", 0.0, 20.0),
            ("push_standing", self.push_standing, "-", 0.0, 1.0),
            ("push_range_m", self.push_range_m, "m", 0.01, 1.0),
            ("wall_push", self.wall_push, "-", 0.0, 20.0),
            ("wall_range_m", self.wall_range_m, "m", 0.01, 1.0),
            ("anticipation_s", self.anticipation_s, "s", 0.0, 2.0),
            ("turn_s", self.turn_s, "s", 0.0, 1.0),
            ("clog_wait_s", self.clog_wait_s, "s", 0.2, 10.0),
            ("squeezed_m", self.squeezed_m, "m", 0.2, 0.4),
            ("breadth", self.breadth, "-", 0.3, 1.0),
            ("give_way", self.give_way, "-", 0.0, 2.0),
            ("reroute_s", self.reroute_s, "s", 0.2, 60.0),
            ("hysteresis", self.hysteresis, "-", 0.0, 0.9),
            ("fed_limit", self.fed_limit, "-", 0.1, 10.0),
        ];
        for (name, value, unit, low, high) in fields {
            // The slack admits the f32 nearest to a decimal bound.
            if !(value.is_finite() && f64::from(value) >= low - 1e-6 && f64::from(value) <= high + 1e-6) {
                return Err(ParamError::new(name, value, unit, format!("{low} to {high}")).into());
            }
        }
        Ok(())
    }
}
