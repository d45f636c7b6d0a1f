//! MQTT listener, durable log, REST, WebSocket and pack files in one process.
