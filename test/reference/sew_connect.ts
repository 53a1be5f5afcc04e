// Joins the branches of a spike-element-wise block, on numbers.
import type { SewConnect } from "../../src/ops/sew_connect.ts";

export const sewReference: Record<SewConnect, (identity: number, out: number) => number> = {
  ADD: (identity, out) => identity + out,
  AND: (identity, out) => identity * out,
  IAND: (identity, out) => identity * (1 - out),
};
