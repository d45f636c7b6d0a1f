//! The community as data (社区模型): typed ids, the address spine, entities, observations, alarms, cases, scenarios,
//! runs and commands. Plain serde types without IO, clock or engine; builds for wasm32.
//!
//! Positions are ENU metres (x east, y north, z up) at the community's origin, `f64`, unless a name says otherwise.
//! Times are [`TimeMs`]: milliseconds since the Unix epoch, UTC.

mod alarm;
mod case;
mod case_move;
mod case_parts;
mod command;
mod downlink;
mod entity;
mod evac_advice;
mod evac_building;
mod evac_live;
mod evac_outdoor;
mod evac_summary;
mod evacuation;
mod gauge;
mod ids;
mod impact;
mod incident;
mod intervention;
mod observation;
mod plan;
mod plan_check;
mod plan_outdoor;
mod property;
mod ring;
mod rule;
mod run;
mod scenario;
mod spine;
mod storm;
mod time;
mod work_calendar;

pub use alarm::{Alarm, AlarmOperation, AlarmRule, AlarmState, Comparison, Severity, Shelving};
pub use case::{Case, CaseEvent, CaseStage, NewCase};
pub use case_move::{CaseAction, CaseError, CaseMove, MAX_EXTENSION_MIN};
pub use case_parts::{CaseClock, CaseEnd, CaseExtension, CasePhoto, CaseSource, PhotoKind, Placement};
pub use command::{CameraPose, Command, LayerKind, ToolMode, TwinCommand, ViewCommand, ViewTime};
pub use downlink::{DeviceCommand, DeviceCommandState, NewDeviceCommand};
pub use entity::{AttrValue, CameraView, Entity, EntityKind, FeatureRef, Polygon, UnknownKind};
pub use evac_advice::{ADVICE_MARK_EN, ADVICE_MARK_ZH, Advice, AdviceKind, AdviceNumber, advice};
pub use evac_building::{Detection, DetectorPlaces, DoorState, DoorStates, EvacWeather, FloodAtDoors, Sprinklers};
pub use evac_live::{
    CountObservation, CountScope, DayKind, DetectorSignal, LikelyFire, LiveForecast, LiveOutcome, LiveStart,
    OccupancyEstimate, PeopleEstimate, RoomChance, SignalKind, fire_signal,
};
pub use evac_outdoor::{
    AssemblyOutcome, ExitWalk, GivenAssembly, GivenBarrier, Outdoor, OutdoorOutcome, SAFE_DISTANCE_M,
};
pub use evac_summary::{
    AsetCriterion, EvacBalance, EvacBand, EvacSummary, ExitUse, HelpNeeded, SmokeAlarmTime, SpaceOutcome, StairOutcome,
};
pub use evacuation::{
    EvacIntervention, EvacKind, EvacScenario, FireFuel, FireGrowth, FireSource, MembersWalk, People, PeopleSpread,
    SmokeDetail, SmokeSpeedLaw, SpaceCount, WaterOnFloor,
};
pub use gauge::{FRESH_INTERVALS, WaterGauge, water_gauge};
pub use ids::{
    AccountId, AlarmId, CaseId, DepartmentId, DeviceCommandId, EntityId, IncidentId, LayerId, PropertyId, RunId, Seq,
};
pub use impact::{EnsembleSummary, FloodImpact, FloodTotals, ForcingCorrection, PredictedAlarm, SewerSummary};
pub use incident::Incident;
pub use intervention::{
    Barrier, Breach, BuildingMode, Culvert, EdgeForcing, Gate, GroundChange, Infiltration, Intervention, NewWork, Pump,
    ScenarioEdit, SewerMode,
};
pub use observation::{Observation, Quality, StateEntry};
pub use plan::{
    BuildingPlan, OpeningIndex, OpeningKind, PlanFlight, PlanLift, PlanOpening, PlanSpace, PlanStair, PlanStorey,
    SpaceIndex, SpaceUse, StairIndex, StoreyIndex,
};
pub use plan_check::{DefectLevel, PlanDefect};
pub use plan_outdoor::{
    AssemblyArea, AssemblySource, OutdoorExit, OutdoorGround, OutdoorJoin, OutdoorTile, WaterOnTile,
};
pub use property::{ClassTraits, DeviceClass, PropertyDef, PropertyTable, PropertyTableError, PropertyTraits};
pub use ring::{ring_area2, ring_contains, ring_length_m, ring_middle};
pub use rule::{
    Aggregate, Condition, EscalationStep, ForecastKind, Grouping, Rule, RuleAction, RuleInput, RuleSet, Subject,
};
pub use run::{Run, RunScenario, RunStatus};
pub use scenario::{Forcing, GridSpec, RainForcing, RunSummary, Scenario, ScenarioBase, ScenarioError, StageForcing};
pub use spine::{Community, CommunityModel, ModelError, SearchHit};
pub use storm::DesignStorm;
pub use time::{Clock, TimeMs};
pub use work_calendar::CalendarSpec;
