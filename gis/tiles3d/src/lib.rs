//! 3D Tiles 1.1: glb and tileset reading, writing and selection by screen-space error.
