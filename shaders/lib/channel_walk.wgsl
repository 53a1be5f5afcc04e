// Steps of 64 through one channel of [N, C, area], counted as if its planes lay side by side: one division at the start
// and none on the way.
struct ChannelWalk {
  n: u32,                    // image
  p: u32,                    // place in its plane
}

fn channel_walk(i: u32, area: u32) -> ChannelWalk {
  return ChannelWalk(i / area, i % area);
}

// stride is channel_walk(64, area).
fn channel_step(at: ChannelWalk, stride: ChannelWalk, area: u32) -> ChannelWalk {
  let p = at.p + stride.p;
  let wraps = p >= area;
  return ChannelWalk(at.n + stride.n + select(0u, 1u, wraps), select(p, p - area, wraps));
}
