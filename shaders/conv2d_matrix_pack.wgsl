// Weights as conv2d_matrix.wgsl reads them: octets of halves [group, written channel, octets of all phases]. Terms that do not
// exist are zeros.
//!include "lib/elements.wgsl"
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params {
  n: u32,                    // octets of all channels
  octets: u32,               // of a channel
  written: u32,              // channels per group
  w_group: u32,              // strides of w, in elements
  w_written: u32,
}
@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> places: array<vec4<u32>>;    // of the terms in w, by octet_table.ts
@group(0) @binding(2) var<storage, read_write> packed: array<vec4<u32>>;
@group(0) @binding(3) var<uniform> params: Params;

fn weights(start: u32, at: vec4<u32>) -> vec2<u32> {
  let v = vec4(w[start + at.x], w[start + at.y], w[start + at.z], w[start + at.w]);
  return bitcast<vec2<u32>>(vec4<f16>(select(v, vec4(0.0), at == vec4(0xffffffffu))));
}

fn element(i: u32) {
  let octet = i % params.octets;
  let row = i / params.octets;
  let start = row / params.written * params.w_group + row % params.written * params.w_written;
  packed[i] = vec4(weights(start, places[2u * octet]), weights(start, places[2u * octet + 1u]));
}
