// Phases of a correlation and their pixels. The forward pass has one phase, the gradient of the input one for each pair of
// remainders by the stride. The including kernel declares `table`, which begins with two entries for each phase.

// Numbers of a phase.
struct Phase {
  width: u32,                // pixels of a row
  area: u32,
  terms: u32,
  first: u32,                // its first term, or octet of terms
  y_start: u32,              // its first pixel in a plane of y
  x_start: vec2<i32>,        // x pixel under its first tap
  taps: vec2<u32>,
}

fn phase_of(i: u32) -> Phase {
  let a = table[2u * i];
  let b = table[2u * i + 1u];
  return Phase(a.x, a.y, a.z, a.w, b.x, bitcast<vec2<i32>>(b.yz), vec2(b.w & 0xffffu, b.w >> 16u));
}

// A pixel of a phase: image, row, column.
struct Pixel { n: u32, row: u32, column: u32 }

fn pixel_of(i: u32, f: Phase) -> Pixel {
  let at = i % f.area;
  return Pixel(i / f.area, at / f.width, at % f.width);
}

// Bits of the taps of one axis that are inside, of which the first is at `first`.
fn tap_bits(first: i32, taps: u32, spread: u32, size: u32) -> u32 {
  var bits = 0u;
  var at = first;
  for (var i = 0u; i < taps; i++) {
    bits |= select(0u, 1u << i, u32(at) < size);
    at += i32(spread);
  }
  return bits;
}
