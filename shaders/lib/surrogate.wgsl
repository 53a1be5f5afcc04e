// What stands in for the derivative of the step function, of u = H - threshold, and the smooth primitive it belongs to.
// The numbers are those of SURROGATES in src/ops/spiking/surrogate.ts, where the formulas are told. For f32 and vec4<f32> Items.
const SURROGATE: u32 = 0u;               //!spec   index in SURROGATES
const_assert SURROGATE <= 8u;

// Always by exp of a non-positive number: no overflow at either end.
fn item_sigmoid(v: Item) -> Item {
  let e = exp(-abs(v));
  return select(e, Item(1.0), v >= Item(0.0)) / (Item(1.0) + e);
}

// `result`, made by min, max or clamp of v; NaN where v is. Compilers may assume no NaN, so it looks at the bits.
fn carried_item(result: Item, v: Item) -> Item {
  return select(result, v, (bitcast<Bits>(v) & Bits(0x7fffffffu)) > Bits(0x7f800000u));
}

// alpha: sharpness, for the leaky ramp half its width; leak: its slope outside.
fn surrogate_derivative(u: Item, alpha: f32, leak: f32) -> Item {
  let a = abs(u);
  switch (SURROGATE) {
    case 0u: {                                                   // atan
      let z = u * (1.5707963 * alpha);
      return Item(0.5 * alpha) / (Item(1.0) + z * z);
    }
    case 1u: {                                                   // sigmoid
      let s = item_sigmoid(u * alpha);
      return alpha * s * (Item(1.0) - s);
    }
    case 2u: {                                                   // piecewise quadratic
      let peak = Item(alpha) - a * (alpha * alpha);
      return carried_item(max(peak, Item(0.0)), u);
    }
    case 3u: { return select(Item(0.0), Item(alpha), a < Item(0.5 / alpha)); } // rect
    case 4u: { return exp(a * -alpha) * (0.5 * alpha); }         // piecewise exp
    case 5u: {                                                   // soft sign
      let z = Item(1.0) + a * alpha;
      return Item(0.5 * alpha) / (z * z);
    }
    case 6u: { return exp(u * u * (-alpha * alpha)) * (alpha * 0.56418958); } // erf: 1 / sqrt(pi)
    case 7u: { return select(Item(leak), Item(0.5 / alpha), a < Item(alpha)); } // leaky ramp
    default: {                                                   // SuperSpike
      let z = Item(1.0) + a;
      return Item(alpha) / (z * z);
    }
  }
}

// atan by the polynomial of Abramowitz and Stegun 4.4.49 on [0, 1] (|error| < 2e-8), since WGSL's own may miss by 4096 ulp.
fn item_atan(v: Item) -> Item {
  let a = abs(v);
  let z = min(a, Item(1.0) / max(a, Item(1.0)));
  let s = z * z;
  let p = Item(1.0) + s * (Item(-0.3333314528) + s * (Item(0.1999355085) + s * (Item(-0.1420889944) + s * (Item(0.1065626393)
    + s * (Item(-0.0752896400) + s * (Item(0.0429096138) + s * (Item(-0.0161657367) + s * 0.0028662257)))))));
  let q = z * p;
  return sign(v) * select(q, Item(1.5707963) - q, a > Item(1.0));
}

// erfc(-v) / 2 by Numerical Recipes' Chebyshev fit, |relative error| < 1.2e-7.
fn half_erfc_minus(v: Item) -> Item {
  let z = abs(v);
  let t = Item(1.0) / (Item(1.0) + 0.5 * z);
  let p = -z * z - Item(1.26551223) + t * (Item(1.00002368) + t * (Item(0.37409196) + t * (Item(0.09678418)
    + t * (Item(-0.18628806) + t * (Item(0.27886807) + t * (Item(-1.13520398) + t * (Item(1.48851587)
    + t * (Item(-0.82215223) + t * 0.17087277))))))));
  let tail = 0.5 * t * exp(p);
  return select(tail, Item(1.0) - tail, v >= Item(0.0));
}

fn surrogate_primitive(u: Item, alpha: f32, leak: f32) -> Item {
  return carried_item(primitive_of(u, alpha, leak), u);
}

fn primitive_of(u: Item, alpha: f32, leak: f32) -> Item {
  let a = abs(u);
  switch (SURROGATE) {
    case 0u: { return item_atan(u * (1.5707963 * alpha)) * 0.31830989 + Item(0.5); }
    case 1u: { return item_sigmoid(u * alpha); }
    case 2u: {
      let inside = u * alpha - u * a * (0.5 * alpha * alpha) + Item(0.5);
      return select(step(Item(0.0), u), inside, a <= Item(1.0 / alpha));
    }
    case 3u: { return clamp(u * alpha + Item(0.5), Item(0.0), Item(1.0)); }
    case 4u: {
      let tail = 0.5 * exp(a * -alpha);
      return select(tail, Item(1.0) - tail, u >= Item(0.0));
    }
    case 5u: { return u * (0.5 * alpha) / (Item(1.0) + a * alpha) + Item(0.5); }
    case 6u: { return half_erfc_minus(u * alpha); }
    case 7u: {
      let edge = clamp(u, Item(-alpha), Item(alpha));
      return edge * (0.5 / alpha) + (u - edge) * leak + Item(0.5);
    }
    default: { return u * alpha / (Item(1.0) + a) + Item(0.5); }
  }
}
