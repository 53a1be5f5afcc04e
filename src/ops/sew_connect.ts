// Joins the two branches of a spike-element-wise residual block.

import { defineOp, expectActivations, outputLike } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { sameShape, type Tensor } from "../tensor/index.ts";
import { runBinary, runBinaryGrad } from "./binary.ts";

/** Functions of u = identity and v = out and their derivatives, in WGSL. ADD has none: both gradients are dy. */
const TABLE = {
  ADD: { f: "u + v", df: null },
  AND: { f: "u * v", df: { u: "v", v: "u" } },
  IAND: { f: "u * (1.0 - v)", df: { u: "1.0 - v", v: "-u" } },
} as const;
/** Joint of a shortcut and a residual branch. */
export type SewConnect = "ADD" | "AND" | "IAND";

/**
 * Join spikes of a shortcut and of a residual branch: ADD identity + out, AND identity · out, IAND identity · (1 - out).
 *
 * Shapes    identity, out [*] -> y [*].
 * Backward  ADD dy to both, uncopied; AND dy·out and dy·identity; IAND dy·(1 - out) and -dy·identity.
 * Errors    OpError when the shapes differ or `connect` is none of the three.
 * Source    Fang et al. 2021, "Deep residual learning in spiking neural networks".
 */
export const sewConnect = defineOp({
  name: "sewConnect",
  options: ["connect"],
  infer([identity, out]: [identity: Tensor, out: Tensor], { connect = "ADD" }: { readonly connect?: SewConnect }) {
    expectActivations("sewConnect", { identity, out });
    if (!Object.hasOwn(TABLE, connect))
      throw new OpError("sewConnect", `connect: expected ${Object.keys(TABLE).join(", ")}, got ${connect}`);
    if (!sameShape(identity.shape, out.shape))
      throw new OpError("sewConnect", "expected identity and out of one shape", { identity, out });
    return outputLike(identity);
  },
  forward(y, [identity, out], { connect = "ADD" }): (Tensor | null)[] {
    runBinary("sewConnect", TABLE[connect].f, identity, out, y);
    return connect === "ADD" ? [] : [identity, out];
  },
  backward(dy, [identity, out], { needs, options, out: slot }) {
    const { df } = TABLE[options.connect ?? "ADD"];
    if (!df || !identity || !out) return [dy, dy];
    return ([df.u, df.v] as const).map((derivative, input) => {
      if (!needs[input]) return null;
      const dx = slot(input);
      runBinaryGrad("sewConnect", derivative, [identity, out], dy, dx);
      return dx;
    });
  },
});
