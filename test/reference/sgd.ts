// One SGD + soft-threshold step in float64, straight from the formulas.

export interface Hyper {
  lr: number;
  momentum: number;
  weightDecay: number;
  nesterov?: boolean;
  dNow: number;
  dNext: number;
}

export const soft = (x: number, d: number) => Math.sign(x) * Math.max(Math.abs(x) - d, 0);

/** View R: theta is stored, W = S(theta, d) is used. Returns theta', v', W'. */
export function latentStep(theta: number, v: number, g: number, h: Hyper) {
  const u = g + h.weightDecay * theta;
  const v1 = h.momentum * v + u;
  const moved = theta - h.lr * (h.nesterov ? u + h.momentum * v1 : v1);
  return { theta: moved, v: v1, w: soft(moved, h.dNext) };
}

/** View P: W alone is stored; the prox shrinks by dNext - dNow. Weight decay acts on W. */
export function inplaceStep(w: number, v: number, g: number, h: Hyper) {
  const u = g + h.weightDecay * w;
  const v1 = h.momentum * v + u;
  const moved = w - h.lr * (h.nesterov ? u + h.momentum * v1 : v1);
  return { v: v1, w: soft(moved, h.dNext - h.dNow) };
}
