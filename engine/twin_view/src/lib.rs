//! What is drawn: tiles, devices, water, labels, camera, picking.
