// The error of `npm run bench:isa`, and programs that it runs.
import { mustRun } from "../../src/node/programs.ts";

/** A problem that the user can solve. The message is one line, or ends with the last lines of a program. */
export class IsaError extends Error {
  override readonly name = "IsaError";
}

/** Run a program that must succeed. Errors: IsaError with `what` and the last lines of its output. */
export const must = mustRun(IsaError);
