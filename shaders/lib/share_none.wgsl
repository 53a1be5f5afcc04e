// lib/share_subgroup.wgsl for a team of one invocation: S is 1.

fn share(value: f32) -> array<f32, S> {
  return array<f32, S>(value);
}
