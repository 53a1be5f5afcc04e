// Loads of a pool's window without a branch. The including shader has the binding `x: array<Out>`.

// Load WINDOW_UNROLL_Y rows of ITEMS from Item `first`; rows are `across` Items apart.
fn load_window(first: u32, across: u32) -> array<f32, WINDOW_UNROLL_Y * WIDTH> {
  var seen: array<f32, WINDOW_UNROLL_Y * WIDTH>;
  var at = first;
  for (var r = 0u; r < WINDOW_UNROLL_Y; r++) {  //!unroll
    for (var c = 0u; c < ITEMS; c++) {  //!unroll
      let v = vec4<f32>(Lane(x[at + c]));
      for (var e = 0u; e < EACH; e++) {  //!unroll
        seen[r * WIDTH + c * EACH + e] = v[e];
      }
    }
    at += across;
  }
  return seen;
}
