// step += 1: a counter on the GPU, so that a replayed step continues the count.
@group(0) @binding(0) var<storage, read_write> step: array<u32>;        // [1]

@compute @workgroup_size(1)
fn main() {
  step[0] += 1u;
}
