//! Generates a fictional riverside community as deliveries in real formats.
