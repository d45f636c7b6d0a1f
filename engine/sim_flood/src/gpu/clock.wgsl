// The first pass of a step, one workgroup: length of the step from the fastest wave of the step before, values of the
// forcing. As `FloodKernelOf::stable_dt_s`, `FloodRunOf::steps_until` and `FloodForcing::at_step`.

const CLOCK_THREADS: u32 = 64u;

struct Series {
    first: u32,
    count: u32,
    /// Inflow: 1 / (cell area x cells). 1 for others.
    scale: f32,
    /// Inflow: unit vector, or 0.
    east: f32,
    north: f32,
}

/// Time as a pair (s); value: m/s of rain, m3/s, or level relative to the datum (m).
@group(0) @binding(9) var<storage, read> points: array<vec4<f32>>;
/// Rain, then inflows, then stages, then laws of faces (without a point: an outlet, whose value comes from depths).
@group(0) @binding(10) var<storage, read> series: array<Series>;
/// Per rain class: which series fall (bits of x and y), how many cells' worth of rain a cell takes (z).
@group(0) @binding(15) var<storage, read> classes: array<vec4<u32>>;

var<workgroup> fallen: array<f32, 64>;
var<workgroup> rises: array<f32, CLOCK_THREADS>;
var<workgroup> run_step: u32;
var<workgroup> any_rain: atomic<u32>;

/// Seconds from the time reached to a point of a series.
fn ahead(s: Series, k: u32) -> f32 {
    return pair_minus(points[s.first + k].xy, clock.t);
}

/// Points no later than `x` seconds from now.
fn points_until(s: Series, x: f32) -> u32 {
    var low = 0u;
    var high = s.count;
    while low < high {
        let mid = (low + high) / 2u;
        if ahead(s, mid) <= x { low = mid + 1u; } else { high = mid; }
    }
    return low;
}

/// Piecewise linear value `x` seconds from now, constant outside.
fn linear_at(s: Series, x: f32) -> f32 {
    let after = points_until(s, x);
    if after == 0u {
        return points[s.first].z;
    }
    let a = points[s.first + after - 1u].z;
    if after == s.count {
        return a;
    }
    let t = ahead(s, after - 1u);
    return a + (points[s.first + after].z - a) * ((x - t) / (ahead(s, after) - t));
}

/// Integral of the piecewise linear value over the next `dt` seconds, by the trapezoidal rule on its own corners.
fn linear_integral(s: Series, dt: f32) -> f32 {
    var sum = 0.0;
    var t = 0.0;
    var v = linear_at(s, 0.0);
    for (var k = points_until(s, 0.0); k < s.count; k++) {
        let tk = ahead(s, k);
        if tk >= dt {
            break;
        }
        let vk = points[s.first + k].z;
        sum += 0.5 * (v + vk) * (tk - t);
        t = tk;
        v = vk;
    }
    return sum + 0.5 * (v + linear_at(s, dt)) * (dt - t);
}

/// Integral of the piecewise constant value over the next `dt` seconds.
fn step_integral(s: Series, dt: f32) -> f32 {
    var sum = 0.0;
    for (var k = max(points_until(s, 0.0), 1u) - 1u; k < s.count; k++) {
        let start = ahead(s, k);
        if start >= dt {
            break;
        }
        var end = dt;
        if k + 1u < s.count {
            end = min(dt, ahead(s, k + 1u));
        }
        sum += points[s.first + k].z * max(0.0, end - max(0.0, start));
    }
    return sum;
}

/// Greatest rise of a cell under a discharge until the longest step is over, m/s; of this thread's inflows.
fn fastest_rise(thread: u32) -> f32 {
    var rise = 0.0;
    for (var k = thread; k < p.n_inflows; k += CLOCK_THREADS) {
        let s = series[p.n_rain + k];
        rise = max(rise, max(linear_at(s, 0.0), linear_at(s, p.max_dt)) * s.scale);
    }
    return rise;
}

/// The step the CFL condition allows: for the waves there are, and for the column a discharge raises on dry ground.
fn stable_dt(speed: f32, rise: f32) -> f32 {
    var dt = p.max_dt;
    if speed * p.max_dt > p.reach {
        dt = p.reach / speed;
    }
    if rise > 0.0 {
        // sqrt(g rise dt) dt <= reach.
        dt = min(dt, pow(p.reach * p.reach / (p.g * rise), 1.0 / 3.0));
    }
    return dt;
}

/// Chooses the step; returns whether there is one.
fn choose_step(rise: f32) -> bool {
    count_cells();
    let left = pair_minus(clock.until, clock.t);
    if left <= 0.0 || clock.phase == TOO_SMALL {
        clock.phase = select(REACHED, TOO_SMALL, clock.phase == TOO_SMALL);
        return false;
    }
    let speed = bitcast<f32>(atomicLoad(&clock.speed));
    let stable = stable_dt(speed, rise);
    if broken(speed) || broken(stable) || stable < p.min_dt {
        clock.dt = stable;
        clock.phase = TOO_SMALL;
        return false;
    }
    // Two equal last steps instead of one whole and one tiny.
    var dt = min(stable, left);
    if left > stable && left < 2.0 * stable {
        dt = 0.5 * left;
    }
    clock.is_last = select(0u, 1u, stable >= left);
    clock.dt = dt;
    clock.lam = dt / p.dx;
    clock.least_dt = min(clock.least_dt, dt);
    clock.most_dt = max(clock.most_dt, dt);
    clock.steps += 1u;
    atomicStore(&clock.speed, 0u);
    clock.phase = RUNNING;
    wait_for_soil(dt);
    return true;
}

/// The ground takes in water in every fourth step and in the last, for the time since it last did.
fn wait_for_soil(dt: f32) {
    clock.soil_dt = 0.0;
    if p.soaks == 0u {
        return;
    }
    clock.soil_wait += dt;
    if clock.is_last == 1u || (clock.ticks + clock.steps) % TRACK_EVERY == 0u {
        clock.soil_dt = clock.soil_wait;
        clock.soil_wait = 0.0;
        atomicStore(&dispatch[6], min(p.tiles, DISPATCH_ROW));
        atomicStore(&dispatch[7], (p.tiles - 1u) / DISPATCH_ROW + 1u);
    }
}

fn count_cells() {
    let low = clock.cells_lo + atomicExchange(&clock.cells, 0u);
    clock.cells_hi += select(0u, 1u, low < clock.cells_lo);
    clock.cells_lo = low;
    atomicStore(&clock.jobs, 0u);
    atomicStore(&clock.calm_jobs, 0u);
    for (var k = 0u; k < 9u; k++) {
        atomicStore(&dispatch[k], select(1u, 0u, k % 3u == 0u));
    }
}

/// Values of inflows, stages and laws of the step.
fn set_series(thread: u32) {
    let dt = clock.dt;
    for (var k = thread; k < p.n_inflows; k += CLOCK_THREADS) {
        let s = series[p.n_rain + k];
        let depth = linear_integral(s, dt) * s.scale;
        let q = max(0.0, depth) * p.dx / dt;
        clock.now[k] = vec4(depth, q * s.east, q * s.north, 0.0);
    }
    for (var k = thread; k < p.n_stages; k += CLOCK_THREADS) {
        let s = series[p.n_rain + p.n_inflows + k];
        clock.now[p.n_inflows + k] = vec4(linear_at(s, dt), 0.0, 0.0, 0.0);
    }
    for (var k = thread; k < p.n_laws; k += CLOCK_THREADS) {
        let s = series[p.n_rain + p.n_inflows + p.n_stages + k];
        if s.count > 0u {
            clock.now[law_slot(k)].x = linear_at(s, dt);
        }
    }
    for (var k = thread; k < p.n_rain; k += CLOCK_THREADS) {
        fallen[k] = step_integral(series[k], dt);
    }
}

/// Rain depth of each class.
fn set_rain(thread: u32) {
    for (var k = thread; k < p.n_classes; k += CLOCK_THREADS) {
        let at = class_slot(k);
        let masks = classes[k];
        var depth = 0.0;
        for (var r = 0u; r < p.n_rain; r++) {
            let mask = select(masks.y, masks.x, r < 32u);
            if ((mask >> (r % 32u)) & 1u) == 1u {
                depth += fallen[r];
            }
        }
        depth *= f32(masks.z);
        if depth > 0.0 {
            atomicStore(&any_rain, 1u);
        }
        let sum = pair_add(clock.now[at].yz, depth);
        clock.now[at] = vec4(depth, sum, 0.0);
    }
}

@compute @workgroup_size(CLOCK_THREADS)
fn set_clock(@builtin(local_invocation_index) thread: u32) {
    rises[thread] = fastest_rise(thread);
    workgroupBarrier();
    if thread == 0u {
        var rise = 0.0;
        for (var k = 0u; k < CLOCK_THREADS; k++) {
            rise = max(rise, rises[k]);
        }
        run_step = select(0u, 1u, choose_step(rise));
        atomicStore(&any_rain, 0u);
    }
    storageBarrier();
    if workgroupUniformLoad(&run_step) == 0u {
        return;
    }
    set_series(thread);
    workgroupBarrier();
    set_rain(thread);
    storageBarrier();
    workgroupBarrier();
    if thread == 0u {
        clock.raining = atomicLoad(&any_rain);
        if clock.is_last == 1u {
            clock.t = clock.until;
        } else {
            clock.t = pair_add(clock.t, clock.dt);
        }
    }
}
