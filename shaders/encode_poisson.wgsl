// y = 1 where u <= x, else 0; u drawn from Philox: key (low word of the seed, the stream of Poisson codes), counter
// (element of y / 4, step, layer, high word of the seed), or GIVEN. Four neighbours in y take the
// numbers of one block; x repeats every `items` Items.
//!include "lib/quads.wgsl"
//!include "lib/philox.wgsl"
alias Item = vec4<f32>;                  //!spec   f32 or vec4<f32>
alias Stored = Item;                     //!spec   x in memory: Item, or as many f16
alias Given = f32;                       //!spec   element type of u
const WIDE: bool = true;                 //!spec   whether an Item is a vec4
const GIVEN: bool = false;               //!spec   u holds the random numbers
const STREAM: u32 = 5u;                  //!spec   second word of the key
const ITEMS_PER_INVOCATION: u32 = 8u;
struct Params { n: u32, items: u32, seed: vec2<u32>, layer: u32 }       // n elements of y
@group(0) @binding(0) var<storage, read> x: array<Stored>;                // [items]
@group(0) @binding(1) var<storage, read> u: array<vec4<Given>>;           // like y
@group(0) @binding(2) var<storage, read> step: array<u32>;              // [1]
@group(0) @binding(3) var<storage, read_write> result: array<vec4<Act>>;     // [T, items]
@group(0) @binding(4) var<uniform> params: Params;

fn random_at(i: u32) -> vec4<f32> {
  if (GIVEN) {
    return vec4<f32>(u[i]);
  }
  let words = philox4x32(vec4(i, step[0], params.layer, params.seed.y), vec2(params.seed.x, STREAM));
  return vec4(uniform01(words.x), uniform01(words.y), uniform01(words.z), uniform01(words.w));
}

fn quad(i: u32) -> vec4<f32> {
  // An Item of one number fills the vector with it.
  var rate = vec4<f32>(Item(x[select(i * 4u, i, WIDE) % params.items]));
  if (!WIDE) {
    for (var c = 1u; c < 4u; c++) {
      rate[c] = vec4<f32>(Item(x[(i * 4u + c) % params.items])).x;
    }
  }
  return select(vec4(0.0), vec4(1.0), random_at(i) <= rate);
}
