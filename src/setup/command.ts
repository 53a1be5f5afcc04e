// The error of set-up, and programs that set-up runs.
import { type MustRun, mustRun } from "../node/programs.ts";
import { EspalierError } from "../text/index.ts";

/** Set-up failed. The message names the step and ends with the last output lines of the program, if one ran. */
export class SetupError extends EspalierError {
  override readonly name = "SetupError";
}

/** Run a program that must succeed. Errors: SetupError with `what` and the last output lines. */
export const must: MustRun = mustRun(SetupError);
