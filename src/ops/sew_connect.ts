// What joins the two branches of a spike-element-wise residual block.

import forwardWgsl from "../../shaders/sew_connect.wgsl";
import backwardWgsl from "../../shaders/sew_connect_grad.wgsl";
import { defineOp, expectFloat, like } from "../autograd/index.ts";
import { kernel, OpError } from "../gpu/index.ts";
import { empty, sameShape, type Tensor } from "../tensor/index.ts";
import { vec4, vec4Grid } from "./pointwise/vec4.ts";

const forwardKernel = kernel("sew_connect", forwardWgsl);
const backwardKernel = kernel("sew_connect_grad", backwardWgsl);

/** In the order of the shader's cases. */
const CONNECT = ["ADD", "AND", "IAND"] as const;
export type SewConnect = (typeof CONNECT)[number];

/**
 * Joins spikes of a shortcut and of a residual branch: ADD identity + out, AND identity · out, IAND identity · (1 - out).
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
    expectFloat("sewConnect", { identity, out });
    if (!CONNECT.includes(connect))
      throw new OpError("sewConnect", `connect wants ${CONNECT.join(", ")}, was given ${connect}`);
    if (!sameShape(identity.shape, out.shape))
      throw new OpError("sewConnect", "identity and out want one shape", { identity, out });
    return like(identity);
  },
  forward(y, [identity, out], { connect = "ADD" }): (Tensor | null)[] {
    forwardKernel.run({
      bind: { identity: vec4(identity), out: vec4(out), y: vec4(y) },
      params: { n: y.numel },
      spec: { CONNECT: CONNECT.indexOf(connect) },
      grid: vec4Grid(y.numel),
    });
    return connect === "ADD" ? [] : [identity, out];
  },
  backward(dy, [identity, out], { needs: [toIdentity = false, toOut = false], options, out: slot }) {
    if (!identity || !out) return [dy, dy];
    const dIdentity = toIdentity ? slot(0) : null;
    const dOut = toOut ? slot(1) : null;
    backwardKernel.run({
      bind: {
        identity: vec4(identity),
        out: vec4(out),
        dy: vec4(dy),
        d_identity: vec4(dIdentity ?? empty([4])),
        d_out: vec4(dOut ?? empty([4])),
      },
      params: { n: dy.numel },
      spec: { CONNECT: CONNECT.indexOf(options.connect ?? "ADD"), TO_IDENTITY: toIdentity, TO_OUT: toOut },
      grid: vec4Grid(dy.numel),
    });
    return [dIdentity, dOut];
  },
});
