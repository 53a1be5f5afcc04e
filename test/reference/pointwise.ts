// Pointwise functions in float64, written from their definitions.

/** Phi(x) of the standard normal distribution: a Taylor series, or beyond ±3 erfc's continued fraction, to 1e-12. */
function normalCdf(x: number): number {
  const a = Math.abs(x) / Math.SQRT2;
  if (a < 3 / Math.SQRT2) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 80; n++) {
      term *= (-a * a) / n;
      sum += term / (2 * n + 1);
    }
    return 0.5 + (Math.sign(x) * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 120; n > 0; n--) fraction = n / 2 / (a + fraction);
  const tail = Math.exp(-a * a) / (2 * Math.sqrt(Math.PI) * (a + fraction));
  return x > 0 ? 1 - tail : tail;
}

export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

const relu6 = (x: number) => Math.min(Math.max(x, 0), 6);

export const unaryReference: Record<string, (x: number) => number> = {
  relu: (x) => Math.max(x, 0),
  relu6,
  silu: (x) => x * sigmoid(x),
  hardswish: (x) => (x * relu6(x + 3)) / 6,
  hardsigmoid: (x) => relu6(x + 3) / 6,
  sigmoid,
  tanh: Math.tanh,
  gelu: (x) => x * normalCdf(x),
  geluTanh: (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2,
  softplus: (x) => Math.log1p(Math.exp(x)),
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  neg: (x) => -x,
  abs: Math.abs,
  square: (x) => x * x,
};

export const binaryReference: Record<string, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: Math.max,
  minimum: Math.min,
};
