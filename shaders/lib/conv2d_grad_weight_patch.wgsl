// The body of conv2d_grad_weight_broadcast and conv2d_grad_weight_plain: a team of S lanes, which are output channels, keeps
// OB x S of them x CB input channels x all taps. It walks over tiles of PY x PX pixels of dy: each lane loads dy of its
// channels, and all lanes together the patch of x, which they share().
// Reads x and dy and writes dw, with the Params of conv2d_grad_weight.wgsl.
alias Act = f32;             //!spec   element type of x in memory
alias Grads = vec4<f32>;     //!spec   what one load of dy brings: f32, or vec4<f32> where rows and PX are multiples of four
const GRADS: u32 = 4u;       //!spec   numbers in it
const OB: u32 = 2u;          //!spec   output channels per invocation
const CB: u32 = 8u;          //!spec   input channels per team
const PY: u32 = 2u;          //!spec   rows and
const PX: u32 = 4u;          //!spec   columns of dy at a time
const SUMS: u32 = CB * TY * TX * OB;

fn from_dy(v: Grads) -> vec4<f32> { return vec4<f32>(v); }  //!spec

fn weight_gradient_patch(flat: u32, lane: u32) {
  let reduced = params.x_shape.y / params.groups;
  let written = params.y_shape.y / params.groups;
  let row_tiles = (written + OB * S - 1u) / (OB * S);
  let column_tiles = (reduced + CB - 1u) / CB;
  let row0 = flat % row_tiles * (OB * S) + lane;
  let c0 = flat / row_tiles % column_tiles * CB;
  let g = flat / (row_tiles * column_tiles) % params.groups;
  let slice = flat / (row_tiles * column_tiles * params.groups);
  let out = params.y_shape.zw;
  let source = params.x_shape.zw;
  let x_plane = source.x * source.y;
  let across = (out.y + PX - 1u) / PX;
  let down = (out.x + PY - 1u) / PY;
  let first = slice * params.slice;
  let tiles = params.x_shape.x * down * across;
  let turns = min(params.slice, tiles - min(first, tiles));

  var px0 = first % across * PX;
  var py0 = first / across % down * PY;
  var n = first / across / down;
  var sum: array<f32, SUMS>;
  for (var turn = 0u; turn < turns; turn++) {
    // Lanes beyond the last channel load its values again and store nothing; pixels beyond the plane count as zeros.
    var grad: array<f32, OB * PY * PX>;
    for (var j = 0u; j < OB; j++) {  //!unroll
      let plane = (n * params.y_shape.y + g * written + min(row0 + j * S, written - 1u)) * out.x;
      for (var py = 0u; py < PY; py++) {  //!unroll
        for (var px = 0u; px < PX; px += GRADS) {  //!unroll
          let ok = (py0 + py < out.x) & (px0 + px < out.y);
          let value = from_dy(dy[select(0u, ((plane + py0 + py) * out.y + px0 + px) / GRADS, ok)]);
          for (var k = 0u; k < GRADS; k++) {  //!unroll
            grad[(j * PY + py) * PX + px + k] = select(0.0, value[k], ok);
          }
        }
      }
    }
    var inside: array<bool, LOADS>;
    var at: array<u32, LOADS>;
    for (var i = 0u; i < LOADS; i++) {  //!unroll
      // Above the first row the subtraction wraps to a huge number, which is not below H either.
      let e = i * S + lane;
      let iy = py0 * STEP_Y + e / COLUMNS * GAP_Y - params.padding.x;
      let ix = px0 * STEP_X + e % COLUMNS * GAP_X - params.padding.y;
      inside[i] = (e < ROWS * COLUMNS) & (iy < source.x) & (ix < source.y);
      at[i] = (n * params.x_shape.y + g * reduced) * x_plane + iy * source.y + ix;
    }
    for (var cb = 0u; cb < CB; cb++) {  //!unroll
      var pixel: array<f32, LOADS * S>;
      for (var i = 0u; i < LOADS; i++) {  //!unroll
        let ok = inside[i] & (c0 + cb < reduced);
        let value = select(0.0, f32(x[select(0u, at[i] + (c0 + cb) * x_plane, ok)]), ok);
        let all = share(value);
        for (var l = 0u; l < S; l++) {  //!unroll
          pixel[i * S + l] = all[l];
        }
      }
      // Four sums side by side hide the latency of an addition; each stays in a register for the whole tile.
      for (var ky = 0u; ky < TY; ky++) {  //!unroll
        for (var py = 0u; py < PY; py++) {  //!unroll
          for (var px = 0u; px < PX; px++) {  //!unroll
            for (var kx = 0u; kx < TX; kx++) {  //!unroll
              for (var j = 0u; j < OB; j++) {  //!unroll
                sum[((cb * TY + ky) * TX + kx) * OB + j] += grad[(j * PY + py) * PX + px]
                  * pixel[(py * STEP_Y + ky * SPREAD_Y) / GAP_Y * COLUMNS + (px * STEP_X + kx * SPREAD_X) / GAP_X];
              }
            }
          }
        }
      }
    }
    px0 += PX;
    if (px0 >= out.y) {
      px0 = 0u;
      py0 += PY;
    }
    if (py0 >= out.x) {
      py0 = 0u;
      n += 1u;
    }
  }

  // Stored by a loop that stays a loop, from a copy: written out, the stores would be most of what a driver compiles.
  var copy: array<f32, SUMS>;
  for (var i = 0u; i < SUMS; i++) {  //!unroll
    copy[i] = sum[i];
  }
  for (var i = 0u; i < SUMS; i++) {
    let row = row0 + i % OB * S;
    let tap = i / OB % (TY * TX);
    let c = c0 + i / (OB * TY * TX);
    if (slice < params.slices && row < written && c < reduced) {
      dw[((slice * params.y_shape.y + g * written + row) * reduced + c) * (TY * TX) + tap] = copy[i];
    }
  }
}
