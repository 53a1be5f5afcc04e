// Passes the results of ops to what inspects them. The inspector, which searches for NaN, is loaded only if it is used: by a
// NanWatch, by `configureDebug`, or with the device if the environment requests the check (load_inspector.ts).
import type { Tensor } from "../tensor/index.ts";

/** Receives the result of an op and the op's inputs. */
export type Inspector = (
  op: string,
  phase: "forward" | "backward",
  result: Tensor,
  inputs: readonly (Tensor | null)[],
) => void;

let inspector: Inspector = () => {};

/** Make `inspect` call a function from now on. Returns the function that it called before. */
export function setInspector(inspect: Inspector): Inspector {
  const before = inspector;
  inspector = inspect;
  return before;
}

/** Pass on the result of an op. */
export const inspect: Inspector = (op, phase, result, inputs) => inspector(op, phase, result, inputs);
