// People of an evacuation: every body of a block reads where its person is from two textures and walks between them.
#import bevy_pbr::mesh_view_bindings::view
#import bevy_pbr::view_transformations::position_world_to_clip

struct People {
    // position between the frames, seconds between them, people, people per texture row
    frames: vec4<f32>,
    // lowest and highest level shown (scene y), greatest enlargement, distance at which it begins (m)
    shown: vec4<f32>,
    // direction to the sun; w: exposure of the colours
    sun: vec4<f32>,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> people: People;
// xyz: feet in the scene; w: what the person does
@group(#{MATERIAL_BIND_GROUP}) @binding(1) var before: texture_2d<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(2) var after: texture_2d<f32>;

struct Vertex {
    // of a body 1.7 m tall that stands at the origin
    @location(0) position: vec3<f32>,
    @location(1) normal: vec3<f32>,
    // x: number of the body in all blocks
    @location(2) body: vec2<f32>,
};

struct Varying {
    @builtin(position) position: vec4<f32>,
    @location(0) colour: vec3<f32>,
};

fn colour_of(doing: i32, speed: f32) -> vec3<f32> {
    switch doing {
        case 0: { return vec3<f32>(0.46, 0.56, 0.72); }
        case 2: { return vec3<f32>(0.10, 0.62, 0.80); }
        case 3: { return vec3<f32>(0.86, 0.05, 0.05); }
        case 4: { return vec3<f32>(0.62, 0.16, 0.80); }
        default: {
            // Who stands in a queue is amber, who walks freely green.
            return mix(vec3<f32>(0.95, 0.48, 0.03), vec3<f32>(0.06, 0.66, 0.25), smoothstep(0.25, 0.9, speed));
        }
    }
}

@vertex
fn vertex(in: Vertex) -> Varying {
    var out: Varying;
    out.position = vec4<f32>(0.0, 0.0, -1.0, 1.0);
    out.colour = vec3<f32>(0.0);
    let number = i32(round(in.body.x));
    if (number >= i32(people.frames.z)) {
        return out;
    }
    let per_row = i32(people.frames.w);
    let texel = vec2<i32>(number % per_row, number / per_row);
    let a = textureLoad(before, texel, 0);
    let b = textureLoad(after, texel, 0);
    let feet = mix(a.xyz, b.xyz, people.frames.x);
    if (feet.y < people.shown.x || feet.y >= people.shown.y) {
        return out;
    }
    let speed = length(b.xyz - a.xyz) / max(people.frames.y, 0.001);
    let distance = length(view.world_position.xyz - feet);
    let size = clamp(distance / people.shown.w, 1.0, people.shown.z);
    // Who can no longer walk lies on the floor.
    let doing = i32(round(b.w));
    var body = in.position;
    var normal = in.normal;
    if (doing == 3) {
        body = vec3<f32>(body.y - 0.85, body.x + 0.25, body.z);
        normal = vec3<f32>(normal.y, normal.x, normal.z);
    }
    out.position = position_world_to_clip(feet + body * size);
    let light = 0.62 + 0.38 * max(dot(normal, people.sun.xyz), 0.0);
    out.colour = colour_of(doing, speed) * light * people.sun.w;
    return out;
}

@fragment
fn fragment(in: Varying) -> @location(0) vec4<f32> {
    return vec4<f32>(in.colour, 1.0);
}
