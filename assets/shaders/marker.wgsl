// Screen-facing markers of bounded size: one quad each, the shape is drawn by distance in the fragment stage.
#import bevy_pbr::mesh_view_bindings::{view, globals}

struct Vertex {
    @location(0) centre: vec3<f32>,
    @location(1) corner: vec2<f32>,
    @location(2) colour: vec4<f32>,
    // greatest radius px, radius m (negative: pulses), shape, least radius px
    @location(3) marker: vec4<f32>,
};

struct Varying {
    @builtin(position) position: vec4<f32>,
    @location(0) corner: vec2<f32>,
    @location(1) colour: vec4<f32>,
    // radius px, shape, pulse phase or -1
    @location(2) info: vec3<f32>,
};

@vertex
fn vertex(in: Vertex) -> Varying {
    var out: Varying;
    let clip = view.clip_from_world * vec4<f32>(in.centre, 1.0);
    let half_height = view.viewport.w * 0.5;
    // clip_from_view[1][1] = 1 / tan(fov / 2)
    let px_per_m = half_height * view.clip_from_view[1][1] / max(clip.w, 0.01);
    var radius = clamp(abs(in.marker.y) * px_per_m, in.marker.w, in.marker.x);
    var phase = -1.0;
    if (in.marker.y < 0.0) {
        phase = fract(globals.time * 0.8);
    }
    // one pixel of room for the soft edge
    let extent = radius + 1.5;
    let offset = in.corner * extent / vec2<f32>(view.viewport.z * 0.5, half_height);
    out.position = vec4<f32>(clip.xy + offset * clip.w, clip.zw);
    // a little nearer than the surface that the thing is mounted on; what must be noticed comes further forward
    out.position.z = out.position.z * select(1.0008, 1.03, in.marker.w >= 5.0);
    out.corner = in.corner * extent;
    out.colour = in.colour;
    out.info = vec3<f32>(radius, in.marker.z, phase);
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    let radius = in.info.x;
    let shape = i32(in.info.y + 0.5);
    let p = in.corner;
    var d = length(p) - radius;
    if (shape == 1) {
        d = max(abs(p.x), abs(p.y)) - radius * 0.82;
    } else if (shape == 2) {
        d = (abs(p.x) + abs(p.y)) * 0.7071 - radius * 0.75;
    }
    var alpha = clamp(0.5 - d, 0.0, 1.0);
    var colour = in.colour.rgb;
    if (shape == 3) {
        if (in.info.z >= 0.0) {
            // an expanding, fading wave and a faint disc
            let wave = radius * in.info.z;
            let band = 1.0 - clamp(abs(length(p) - wave) / (1.0 + radius * 0.10), 0.0, 1.0);
            alpha = alpha * max(band * (1.0 - in.info.z), 0.16);
        } else {
            let band = 1.0 - clamp(abs(length(p) - (radius - 1.5)) - 1.0, 0.0, 1.0);
            alpha = alpha * band;
        }
    } else if (radius > 3.0) {
        // light rim, so that a marker stands out on any ground
        let rim = clamp(d + 1.9, 0.0, 1.0);
        colour = mix(colour, vec3<f32>(1.0), rim * 0.85);
    }
    alpha = alpha * in.colour.a;
    if (alpha < 0.01) {
        discard;
    }
    return vec4<f32>(colour, alpha);
}
