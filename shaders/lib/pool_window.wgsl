// A pool's window, baked: dividing by a constant stride costs a shift or a multiplication, by any number many.
const WINDOW_Y: u32 = 2u;                //!spec
const WINDOW_X: u32 = 2u;                //!spec
const STRIDE_Y: u32 = 2u;                //!spec
const STRIDE_X: u32 = 2u;                //!spec
const WINDOW: vec2<u32> = vec2(WINDOW_Y, WINDOW_X);
const STRIDE: vec2<u32> = vec2(STRIDE_Y, STRIDE_X);

// An invocation writes EACH neighbours of a row: one, or four as a quad; then the arrays hold quads, rows are whole quads,
// and the stride divides four.
const EACH: u32 = 1u;                    //!spec
const PADDING_X: u32 = 0u;               //!spec
alias Lane = f32;                        //!spec   f32, or vec4<f32> for EACH 4
alias Act = f32;                         //!spec   element type of activations in memory
alias Out = Act;                         //!spec   Act, or vec4<Act> for EACH 4

fn written(v: vec4<f32>) -> Out { return Out(v.x); }  //!spec

// Loops over few turns are written out, UNROLL at a time: a masked loop costs a software adapter more than its body.
// Windows over one place of the input, at most, along each axis:
const SPAN_Y: u32 = (WINDOW_Y + STRIDE_Y - 1u) / STRIDE_Y;
const SPAN_X: u32 = (WINDOW_X + STRIDE_X - 1u) / STRIDE_X;
const SPAN_UNROLL_Y: u32 = select(1u, SPAN_Y, SPAN_Y * SPAN_X <= 9u);
const SPAN_UNROLL_X: u32 = select(1u, SPAN_X, SPAN_X <= 9u);
const WINDOW_UNROLL_Y: u32 = select(1u, WINDOW_Y, WINDOW_Y * WINDOW_X <= 9u);
const WINDOW_UNROLL_X: u32 = select(1u, WINDOW_X, WINDOW_X <= 9u);
// The patch under EACH neighbouring windows: ITEMS a row, which begin at a whole quad where x is read by quads.
const LEAD: u32 = select(PADDING_X, (PADDING_X + 3u) / 4u * 4u, EACH == 4u);
const SKIP: u32 = LEAD - PADDING_X;
const ITEMS: u32 = select(WINDOW_UNROLL_X, (SKIP + 3u * STRIDE_X + WINDOW_X + 3u) / 4u, EACH == 4u);
const WIDTH: u32 = ITEMS * EACH;

// The place of Item i of [planes, size.x, size.y]: plane, row and first column.
fn place_of(i: u32, size: vec2<u32>) -> vec3<u32> {
  let across = size.y / EACH;
  let row = i / across;
  let plane = row / size.x;
  return vec3(plane, row - plane * size.x, (i - row * across) * EACH);
}
