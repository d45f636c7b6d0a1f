// Water surface on a grid: vertices are cell centres, lifted to bed + depth.
// Dry cells next to wet ones take their neighbours' surface, so that the shore is where it meets the ground.
#import bevy_pbr::mesh_view_bindings::{view, globals}
#import bevy_pbr::mesh_functions::get_world_from_local

struct Water {
    origin: vec4<f32>,
    axes: vec4<f32>,
    grid: vec4<f32>,
    sun: vec4<f32>,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> water: Water;
@group(#{MATERIAL_BIND_GROUP}) @binding(1) var before_m: texture_2d<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(2) var after_m: texture_2d<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(3) var bed_m: texture_2d<f32>;

const WET_M: f32 = 0.005;

fn cell(at: vec2<i32>) -> vec2<i32> {
    return clamp(at, vec2<i32>(0), vec2<i32>(water.grid.xy) - vec2<i32>(1));
}

fn depth_at(at: vec2<i32>) -> f32 {
    let c = cell(at);
    return mix(textureLoad(before_m, c, 0).x, textureLoad(after_m, c, 0).x, water.grid.z);
}

struct Vertex {
    @builtin(instance_index) instance_index: u32,
    @location(0) position: vec3<f32>,
};

struct Varying {
    @builtin(position) position: vec4<f32>,
    @location(0) world: vec3<f32>,
    // depth m (negative outside the shore), change m, slope x, slope z
    @location(1) info: vec4<f32>,
};

@vertex
fn vertex(in: Vertex) -> Varying {
    let offset = get_world_from_local(in.instance_index)[3].xz;
    let ij = vec2<i32>(round(offset + in.position.xz));
    let c = cell(ij);
    let bed = textureLoad(bed_m, c, 0).x;
    let has_bed = bed > -9000.0;
    var depth = depth_at(c);
    let first = textureLoad(before_m, c, 0).x;
    let second = textureLoad(after_m, c, 0).x;
    if (water.grid.w > 0.5) {
        depth = max(first, second);
    }
    var surface = bed + depth;
    var sum = 0.0;
    var count = 0.0;
    var depth_sum = 0.0;
    for (var dj = -1; dj <= 1; dj++) {
        for (var di = -1; di <= 1; di++) {
            let n = cell(c + vec2<i32>(di, dj));
            var d = depth_at(n);
            if (water.grid.w > 0.5) {
                d = max(textureLoad(before_m, n, 0).x, textureLoad(after_m, n, 0).x);
            }
            let b = textureLoad(bed_m, n, 0).x;
            if (d > WET_M && b > -9000.0) {
                sum += b + d;
                depth_sum += d;
                count += 1.0;
            }
        }
    }
    if (depth <= WET_M || !has_bed) {
        if (count > 0.0) {
            surface = sum / count;
            // inside a wall the water goes on, so that no gap shows; on land it ends where the ground rises
            depth = select(depth_sum / count, min(surface - bed, 0.0) - 0.01, has_bed);
        } else {
            depth = -1.0;
            surface = select(0.0, bed, has_bed);
        }
    } else if (count > 0.0) {
        // soften the steps that quantised depths leave
        surface = mix(surface, sum / count, 0.35);
    }
    let east = depth_at(c + vec2<i32>(1, 0)) + textureLoad(bed_m, cell(c + vec2<i32>(1, 0)), 0).x;
    let north = depth_at(c + vec2<i32>(0, 1)) + textureLoad(bed_m, cell(c + vec2<i32>(0, 1)), 0).x;
    let xz = water.origin.xy + water.axes.xy * f32(ij.x) + water.axes.zw * f32(ij.y);
    var out: Varying;
    out.world = vec3<f32>(xz.x, surface + 0.02, xz.y);
    out.position = view.clip_from_world * vec4<f32>(out.world, 1.0);
    let slope = clamp(vec2<f32>(east - surface, north - surface) / water.sun.w, vec2<f32>(-0.5), vec2<f32>(0.5));
    out.info = vec4<f32>(depth, second - first, slope);
    return out;
}

fn ramp5(x: f32, s: vec4<f32>, a: vec3<f32>, b: vec3<f32>, c: vec3<f32>, d: vec3<f32>, e: vec3<f32>, s0: f32) -> vec3<f32> {
    var colour = mix(a, b, clamp((x - s0) / (s.x - s0), 0.0, 1.0));
    colour = mix(colour, c, clamp((x - s.x) / (s.y - s.x), 0.0, 1.0));
    colour = mix(colour, d, clamp((x - s.y) / (s.z - s.y), 0.0, 1.0));
    return mix(colour, e, clamp((x - s.z) / (s.w - s.z), 0.0, 1.0));
}

// The same stops as the legend (twin_ui::depth_colour), in sRGB.
fn depth_colour(d: f32) -> vec3<f32> {
    return ramp5(d, vec4<f32>(0.15, 0.5, 1.0, 2.0), vec3<f32>(168.0, 222.0, 244.0), vec3<f32>(104.0, 190.0, 236.0),
        vec3<f32>(44.0, 136.0, 216.0), vec3<f32>(22.0, 84.0, 176.0), vec3<f32>(10.0, 42.0, 112.0), 0.0) / 255.0;
}

// twin_ui::difference_colour
fn change_colour(d: f32) -> vec3<f32> {
    return ramp5(d, vec4<f32>(-0.1, 0.0, 0.1, 0.5), vec3<f32>(0.0, 122.0, 92.0), vec3<f32>(116.0, 204.0, 168.0),
        vec3<f32>(240.0, 240.0, 236.0), vec3<f32>(246.0, 164.0, 128.0), vec3<f32>(196.0, 38.0, 46.0), -0.5) / 255.0;
}

fn linear(srgb: vec3<f32>) -> vec3<f32> {
    return pow(srgb, vec3<f32>(2.2));
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let depth = in.info.x;
    if (water.grid.w > 0.5) {
        let change = in.info.y;
        if (abs(change) < 0.01) {
            discard;
        }
        return vec4<f32>(linear(change_colour(change)), clamp(0.35 + abs(change) * 8.0, 0.0, 0.88));
    }
    if (depth < WET_M) {
        discard;
    }
    // ripples are for the eye only
    let t = globals.time;
    let p = in.world.xz;
    let ripple = vec2<f32>(
        sin(p.x * 0.9 + p.y * 0.35 + t * 1.7) + sin(p.y * 1.3 - p.x * 0.5 + t * 1.1),
        sin(p.y * 1.1 + p.x * 0.25 - t * 1.4) + sin(p.x * 1.6 + p.y * 0.7 + t * 0.9)) * 0.018;
    let normal = normalize(vec3<f32>(-in.info.z + ripple.x, 1.0, in.info.w + ripple.y));
    let to_eye = normalize(view.world_position - in.world);
    let fresnel = 0.03 + 0.55 * pow(1.0 - clamp(dot(normal, to_eye), 0.0, 1.0), 5.0);
    let sky = vec3<f32>(0.62, 0.75, 0.90);
    let glint = pow(max(dot(reflect(-water.sun.xyz, normal), to_eye), 0.0), 220.0);
    let base = linear(depth_colour(depth));
    let shade = 0.72 + 0.28 * max(dot(normal, water.sun.xyz), 0.0);
    let colour = mix(base * shade, sky, fresnel) + vec3<f32>(1.0, 0.95, 0.85) * glint * 0.7;
    let shore = smoothstep(WET_M, 0.06, depth);
    let alpha = mix(0.45, 0.86, smoothstep(0.02, 0.8, depth)) * shore;
    return vec4<f32>(colour, alpha);
}
