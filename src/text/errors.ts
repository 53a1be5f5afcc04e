// The base classes of every error that this project throws on purpose.
import { valueText } from "./value.ts";

/**
 * An error thrown on purpose. Its message is one line for the user. Any other error that reaches a command, except a
 * refusal of the operating system, is a fault of the program.
 */
export class EspalierError extends Error {
  override readonly name: string = "EspalierError";

  /** Include ArgumentError, which descends from RangeError so that `instanceof RangeError` holds as well. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: subclasses inherit this method
    return super[Symbol.hasInstance](value) || (this === EspalierError && value instanceof ArgumentError);
  }
}

/** A refused argument: the message names the function, the argument, what it expected and what it got. */
export class ArgumentError extends RangeError {
  override readonly name = "ArgumentError";
}

/** Return a check that throws ArgumentError in the name of `who` unless `ok`. */
export const checksOf =
  (who: string) =>
  (name: string, expected: string, got: unknown, ok: boolean): void => {
    if (!ok) throw new ArgumentError(`${who}: ${name}: expected ${expected}, got ${valueText(got)}`);
  };
