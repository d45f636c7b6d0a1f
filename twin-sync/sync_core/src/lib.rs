//! Topics, payloads, order, staleness, alarms and the deltas of live state; no sockets.
