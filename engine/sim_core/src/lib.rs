//! The contract every simulation kernel signs, and its conformance suite.
