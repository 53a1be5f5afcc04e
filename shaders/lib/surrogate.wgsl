// Replaces the derivative of the step function, for u = H - threshold, and gives the smooth primitive of it.
// The table of src/ops/spiking/surrogate.ts has the formulas, for f32 and vec4<f32> Items.

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
fn surrogate_derivative(u: Item, alpha: f32, leak: f32) -> Item { return Item(0.0); }  //!spec

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
  return carried_item(surrogate_value(u, alpha, leak), u);
}

fn surrogate_value(u: Item, alpha: f32, leak: f32) -> Item { return step(Item(0.0), u); }  //!spec
