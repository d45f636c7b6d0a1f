//! Simulated devices (模拟设备): they read a pack's bindings and publish over MQTT like any device, so that a
//! demonstration is lively and the whole path from socket to screen is the real one.
//!
//! What is published is a function of the bindings, the seed and the simulated time; only the time stamps are the
//! present. A storm passes over the community again and again: rain to 45 mm/h, a river that follows it, ponding on
//! roads, pumps, one smoke detector, one trapped lift, a call for care, and devices that fall silent.

mod devices;
mod noise;
mod run;
mod schedule;
mod signals;
mod weather;

pub use devices::{BoundSeries, SimDevice, devices_of};
pub use run::{SimError, SimOptions, run, run_until};
pub use schedule::{MAX_MESSAGES_PER_S, Message, Schedule};
pub use signals::World;
pub use weather::{SimScenario, Weather};
