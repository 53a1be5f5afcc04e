// losses[row] = -values[row, label of the row]: the pick of an unfused cross entropy.
struct Params { rows: u32, classes: u32 }
@group(0) @binding(0) var<storage, read> values: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < params.rows) {
    losses[id.x] = -values[id.x * params.classes + u32(labels[id.x])];
  }
}
