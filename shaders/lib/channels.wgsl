// Channels c - before .. c + after that exist, as [first, end).
fn channel_window(c: u32, before: u32, after: u32, channels: u32) -> vec2<u32> {
  return vec2(max(c, before) - before, min(c + after + 1u, channels));
}
