// Chains equal indices of each line, so that their gradients are added in order. links[i] is the next position of the line with
// the same index, or `length` behind the last; the top bit marks the first.
//!include "lib/elements.wgsl"
const FIRST: u32 = 0x80000000u;
const ITEMS_PER_INVOCATION: u32 = 1u;
struct Params { n: u32, length: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> index: array<i32>;              // [outer, length, inner]
@group(0) @binding(1) var<storage, read_write> links: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

fn element(i: u32) {
  let p = params;
  let own = index[i];
  let k = i / p.inner % p.length;
  let base = i - k * p.inner;
  var next = k + 1u;
  while (next < p.length && index[base + next * p.inner] != own) {
    next++;
  }
  var before = 0u;
  while (before < k && index[base + before * p.inner] != own) {
    before++;
  }
  links[i] = next | select(0u, FIRST, before == k);
}
