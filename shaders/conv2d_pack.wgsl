// Weights as conv2d.wgsl reads them: [group, row tile, term, quads of a row tile], where a quad is four written channels.
// Terms and channels that do not exist are zeros. A workgroup copies 16 terms of 16 channels.
//!include "lib/index.wgsl"
alias Act = f32;             //!spec   element type of packed weights
struct Params {
  written: u32,              // channels per group
  first_group: u32,          // of w
  first_row: u32,
  quads: u32,                // of all row tiles
  tile_quads: u32,           // of one
  terms: u32,                // of all phases, a multiple of 16
  groups: u32,
  first_term: u32,           // entry of the table
  w_group: u32,              // strides of w, in elements
  w_written: u32,
}
@group(0) @binding(0) var<storage, read> w: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> packed: array<vec4<Act>>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let p = params;
  let flat = flat_group(group, groups);
  let blocks = p.terms / 16u;
  let strips = (p.quads + 3u) / 4u;
  let term = flat % blocks * 16u + lane % 16u;
  let quad = flat / blocks % strips * 4u + lane / 16u;
  let g = flat / blocks / strips;
  if (g >= p.groups || quad >= p.quads) {
    return;
  }
  let offset = table[p.first_term + term].z;
  let row = p.first_row + quad * 4u;
  var at = (p.first_group + g) * p.w_group + offset + row * p.w_written;
  var v: vec4<f32>;
  for (var i = 0u; i < 4u; i++) {  //!unroll
    v[i] = select(0.0, w[at], (offset != 0xffffffffu) & (row + i < p.written));
    at += p.w_written;
  }
  packed[((g * p.quads + quad / p.tile_quads * p.tile_quads) * p.terms) + term * p.tile_quads + quad % p.tile_quads] = vec4<Act>(v);
}
