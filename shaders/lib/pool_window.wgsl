// A pool's window, baked: dividing by a constant stride costs a shift or a multiplication, by any number many.
const WINDOW_Y: u32 = 2u;                //!spec
const WINDOW_X: u32 = 2u;                //!spec
const STRIDE_Y: u32 = 2u;                //!spec
const STRIDE_X: u32 = 2u;                //!spec
const WINDOW: vec2<u32> = vec2(WINDOW_Y, WINDOW_X);
const STRIDE: vec2<u32> = vec2(STRIDE_Y, STRIDE_X);

// Loops over few turns are written out, UNROLL at a time: a masked loop costs a software adapter more than its body.
// Windows over one place of the input, at most, along each axis:
const SPAN_Y: u32 = (WINDOW_Y + STRIDE_Y - 1u) / STRIDE_Y;
const SPAN_X: u32 = (WINDOW_X + STRIDE_X - 1u) / STRIDE_X;
const SPAN_UNROLL_Y: u32 = select(1u, SPAN_Y, SPAN_Y * SPAN_X <= 9u);
const SPAN_UNROLL_X: u32 = select(1u, SPAN_X, SPAN_Y * SPAN_X <= 9u);
const WINDOW_UNROLL_Y: u32 = select(1u, WINDOW_Y, WINDOW_Y * WINDOW_X <= 9u);
const WINDOW_UNROLL_X: u32 = select(1u, WINDOW_X, WINDOW_Y * WINDOW_X <= 9u);
