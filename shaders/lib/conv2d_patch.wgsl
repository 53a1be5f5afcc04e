// The body of conv2d_broadcast and conv2d_plain: a team of S lanes computes OB x S channels of PY x PX pixels, its lanes
// being channels. Per channel of x they load the patch under those pixels together, one pixel each, and share() it.
// Reads x, w and b and writes y, with the Params of conv2d.wgsl.
alias Act = f32;             //!spec   element type of x and y in memory
const OB: u32 = 2u;          //!spec   channels per invocation
const PY: u32 = 8u;          //!spec   rows and
const PX: u32 = 8u;          //!spec   columns of pixels per team
const QUAD: u32 = select(PX, 4u, PX % 4u == 0u);  // pixels summed side by side: independent sums hide the latency of an addition

fn correlate_patch(flat: u32, lane: u32) {
  let tiles = (params.written + OB * S - 1u) / (OB * S);
  let across = (params.pixels.y + PX - 1u) / PX;
  let down = (params.pixels.x + PY - 1u) / PY;
  let row0 = flat % tiles * (OB * S) + lane;
  let px0 = flat / tiles % across * PX;
  let py0 = flat / tiles / across % down * PY;
  let image = flat / tiles / across / down;
  let n = image / params.groups;
  let g = image % params.groups;
  let here = n < params.batch;

  let source = params.source;
  let reduced = params.reduced;
  let y0 = i32(py0 * STEP_Y) + params.x_start.x;
  let x0 = i32(px0 * STEP_X) + params.x_start.y;
  var inside: array<bool, LOADS>;
  var at: array<u32, LOADS>;
  for (var i = 0u; i < LOADS; i++) {  //!unroll
    let e = i * S + lane;
    let iy = u32(y0 + i32(e / COLUMNS * GAP_Y));
    let ix = u32(x0 + i32(e % COLUMNS * GAP_X));
    inside[i] = here & (e < ROWS * COLUMNS) & (iy < source.x) & (ix < source.y);
    at[i] = select(0u, ((n * params.groups + g) * reduced * source.x + iy) * source.y + ix, inside[i]);
  }
  // Lanes beyond the last channel load its weights again and store nothing.
  var w_lane: array<u32, OB>;
  for (var j = 0u; j < OB; j++) {  //!unroll
    w_lane[j] = g * params.w_group + params.w_start + min(row0 + j * S, params.written - 1u) * params.w_written;
  }

  var sum: array<f32, PY * PX * OB>;
  for (var c = 0u; c < reduced; c++) {
    var pixel: array<f32, LOADS * S>;
    for (var i = 0u; i < LOADS; i++) {  //!unroll
      let value = select(0.0, f32(x[at[i] + c * source.x * source.y]), inside[i]);
      let all = share(value);
      for (var l = 0u; l < S; l++) {  //!unroll
        pixel[i * S + l] = all[l];
      }
    }
    var weight: array<f32, TY * TX * OB>;
    for (var ky = 0u; ky < TY; ky++) {  //!unroll
      for (var kx = 0u; kx < TX; kx++) {  //!unroll
        for (var j = 0u; j < OB; j++) {  //!unroll
          weight[(ky * TX + kx) * OB + j] =
            w[w_lane[j] + c * params.w_reduced + u32(i32(ky) * params.w_tap.x + i32(kx) * params.w_tap.y)];
        }
      }
    }
    for (var py = 0u; py < PY; py++) {  //!unroll
      for (var px = 0u; px < PX; px += QUAD) {  //!unroll
        for (var ky = 0u; ky < TY; ky++) {  //!unroll
          for (var kx = 0u; kx < TX; kx++) {  //!unroll
            for (var j = 0u; j < OB; j++) {  //!unroll
              for (var i = 0u; i < QUAD; i++) {  //!unroll
                sum[(py * PX + px + i) * OB + j] += weight[(ky * TX + kx) * OB + j]
                  * pixel[(py * STEP_Y + ky * SPREAD_Y) / GAP_Y * COLUMNS + ((px + i) * STEP_X + kx * SPREAD_X) / GAP_X];
              }
            }
          }
        }
      }
    }
  }

  // Stored by a loop that stays a loop, from a copy: written out, the stores would be most of what a driver compiles.
  var copy: array<f32, PY * PX * OB>;
  for (var i = 0u; i < PY * PX * OB; i++) {  //!unroll
    copy[i] = sum[i];
  }
  if (here) {
    for (var i = 0u; i < PY * PX * OB; i++) {
      let channel = row0 + i % OB * S;
      let py = py0 + i / OB / PX;
      let px = px0 + i / OB % PX;
      if (channel < params.written && py < params.pixels.x && px < params.pixels.y) {
        var value = copy[i];
        if (params.has_bias == 1u) {
          value += b[g * params.written + channel];
        }
        let plane = (image * params.written + channel) * params.plane.x;
        y[(plane + py * params.y_step.x + params.y_start.x) * params.plane.y + px * params.y_step.y + params.y_start.y] = Act(value);
      }
    }
  }
}
