// Which tiles are computed, which only collect rain or are copied. As `FloodKernelOf::active` and `pass::rain_only`.

fn wet_part(tile: u32, part: u32) -> bool {
    return (atomicLoad(&tiles[tile].wet) & part) != 0u;
}

/// With water that moves, next to such water, or with a source.
fn is_live(tile: u32) -> bool {
    let i = tile % p.tiles_x;
    let j = tile / p.tiles_x;
    return wet_part(tile, WET_ANY)
        || (tiles[tile].traits & HAS_SOURCE) != 0u
        || (i > 0u && wet_part(max(tile, 1u) - 1u, WET_EAST))
        || (i + 1u < p.tiles_x && wet_part(tile + 1u, WET_WEST))
        || (j > 0u && wet_part(max(tile, p.tiles_x) - p.tiles_x, WET_NORTH))
        || (tile + p.tiles_x < p.tiles && wet_part(tile + p.tiles_x, WET_SOUTH));
}

/// Lets an indirect dispatch reach the k-th job. The order of jobs is free: every tile writes only its own cells.
fn reach_job(at: u32, k: u32) {
    atomicMax(&dispatch[at], min(k + 1u, DISPATCH_ROW));
    atomicMax(&dispatch[at + 1u], k / DISPATCH_ROW + 1u);
}

@compute @workgroup_size(64)
fn list_tiles(@builtin(global_invocation_id) id: vec3<u32>) {
    let tile = id.x;
    if tile >= p.tiles || clock.phase != RUNNING {
        return;
    }
    if is_live(tile) {
        let k = atomicAdd(&clock.jobs, 1u);
        tiles[k].job = tile;
        tiles[tile].settled = 0u;
        reach_job(0u, k);
        let width = min(TW, p.nx - (tile % p.tiles_x) * TW);
        let height = min(TH, p.ny - (tile / p.tiles_x) * TH);
        atomicAdd(&clock.cells, width * height);
    } else if clock.raining != 0u || tiles[tile].settled == 0u {
        let k = atomicAdd(&clock.calm_jobs, 1u);
        tiles[k].calm_job = tile;
        tiles[tile].settled = select(1u, 0u, clock.raining != 0u);
        reach_job(3u, k);
    }
}

var<workgroup> calm_tile: u32;
var<workgroup> calm_wet: atomic<u32>;

/// A tile without moving water: rain collects there, or its cells are copied to the other state.
@compute @workgroup_size(WX, WY)
fn calm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    if local.x + local.y == 0u {
        let k = group.y * DISPATCH_ROW + group.x;
        calm_tile = MIXED;
        if k < atomicLoad(&clock.calm_jobs) {
            calm_tile = tiles[k].calm_job;
        }
        atomicStore(&calm_wet, 0u);
    }
    let tile = workgroupUniformLoad(&calm_tile);
    if tile == MIXED {
        return;
    }
    let i = (tile % p.tiles_x) * TW + local.x;
    let j = (tile / p.tiles_x) * TH + local.y;
    if local.x < TW && local.y < TH && i < p.nx && j < p.ny {
        let cell = j * p.nx + i;
        var c = state[cell];
        if clock.raining != 0u {
            // As in `advance_cell`.
            let change = fence(rain_on(tile, cell) - c.w);
            let depth = fence(c.x + change);
            c = vec4(depth, 0.0, 0.0, fence(depth - c.x) - change);
        }
        next[cell] = c;
        if c.x > p.dry {
            var wet = WET_ANY;
            wet |= select(0u, WET_WEST, local.x == 0u);
            wet |= select(0u, WET_EAST, local.x == TW - 1u);
            wet |= select(0u, WET_SOUTH, local.y == 0u);
            wet |= select(0u, WET_NORTH, local.y == TH - 1u);
            atomicOr(&calm_wet, wet);
        }
    }
    workgroupBarrier();
    if local.x + local.y == 0u {
        atomicStore(&tiles[tile].wet, atomicLoad(&calm_wet));
    }
}
