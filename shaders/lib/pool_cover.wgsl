// The windows over EACH neighbours of the input: COVERS columns of windows, of which element e reads SPAN_X from STEPS on.
const COVERS: u32 = select(0u, (3u + PADDING_X) / STRIDE_X - PADDING_X / STRIDE_X, EACH == 4u) + SPAN_UNROLL_X;

// Whether window o exists and covers a place, given as the place in the padded input.
fn covers(o: u32, stride: u32, window: u32, place: u32, size: u32) -> bool {
  return (o < size) & (o * stride + window > place);
}
