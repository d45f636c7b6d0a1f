//! Simulated devices that speak MQTT over a real socket.
