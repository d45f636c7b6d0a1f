//! The community as data: ids, entities, observations, alarms, cases, scenarios, runs, commands.
