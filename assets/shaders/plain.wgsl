// Plain surface: colour × texture, lit by the sun and by the sky's gradient, without reflections.
// A fraction of the standard material's work per pixel.
#import bevy_pbr::{forward_io::VertexOutput, mesh_view_bindings::view, shadows::fetch_directional_shadow}
#ifdef TONEMAP_IN_SHADER
#import bevy_core_pipeline::tonemapping::tone_mapping
#endif

struct Plain {
    colour: vec4<f32>,
    // xyz: direction to the sun; w: 0 unlit, 1 lit, 2 lit and in the shadow of other things
    to_sun: vec4<f32>,
    // radiance that a white surface sends back; sky.w: alpha below which a pixel is left out
    sun: vec4<f32>,
    sky: vec4<f32>,
    ground: vec4<f32>,
    // colour of the air; what it takes away and adds per metre
    air: vec4<f32>,
    extinction: vec4<f32>,
    inscattering: vec4<f32>,
};

@group(#{MATERIAL_BIND_GROUP}) @binding(0) var<uniform> plain: Plain;
@group(#{MATERIAL_BIND_GROUP}) @binding(1) var picture: texture_2d<f32>;
@group(#{MATERIAL_BIND_GROUP}) @binding(2) var picture_sampler: sampler;

@fragment
fn fragment(in: VertexOutput, @builtin(front_facing) front: bool) -> @location(0) vec4<f32> {
    var colour = plain.colour;
#ifdef VERTEX_COLORS
    colour = colour * in.color;
#endif
#ifdef VERTEX_UVS_A
    colour = colour * textureSample(picture, picture_sampler, in.uv);
#endif
    if (colour.a < plain.sky.w) {
        discard;
    }
#ifdef VERTEX_NORMALS
    if (plain.to_sun.w > 0.5) {
        let n = normalize(in.world_normal) * select(-1.0, 1.0, front);
        var sun = max(dot(n, plain.to_sun.xyz), 0.0);
        if (plain.to_sun.w > 1.5 && sun > 0.0) {
            let v = view.view_from_world;
            let depth = dot(vec4<f32>(v[0].z, v[1].z, v[2].z, v[3].z), in.world_position);
            sun = sun * fetch_directional_shadow(0u, in.world_position, n, depth, in.position.xy);
        }
        let light = plain.sun.rgb * sun
            + mix(plain.ground.rgb, plain.sky.rgb, n.y * 0.5 + 0.5);
        colour = vec4<f32>(colour.rgb * light, colour.a);
    }
#endif
    let far = distance(in.world_position.xyz, view.world_position);
    let air = plain.air.rgb * (1.0 - exp(-far * plain.inscattering.rgb));
    colour = vec4<f32>(colour.rgb * exp(-far * plain.extinction.rgb) + air, colour.a);
#ifdef TONEMAP_IN_SHADER
    colour = tone_mapping(colour, view.color_grading);
#endif
    return colour;
}
