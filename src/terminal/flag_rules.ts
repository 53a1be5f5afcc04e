// Refuses flags without effect: flags that are repeated, empty, or unused together with others. The settings of recipes have
// a table in recipe/uses.ts.
import type { Command } from "commander";
import { UsageError } from "./fail.ts";

interface FlagRule {
  /** The flag with its dashes, e.g. "--key". */
  readonly flag: string;
  /** Value on the command line; undefined and false count as absent. */
  readonly given: unknown;
  /** True if the command uses it. */
  readonly read: boolean;
  /** Reason if it does not: "is for data images, the data are mnist". */
  readonly otherwise: string;
}

/** Refuse the first flag that is present and unused. Errors: UsageError. */
export function refuseIdle(rules: readonly FlagRule[]): void {
  for (const { flag, given, read, otherwise } of rules) {
    if (given !== undefined && given !== false && !read) throw new UsageError(`${flag}: ${otherwise}`);
  }
}

/** Make the same rule for several flags. */
export const idleUnless = (
  read: boolean,
  otherwise: string,
  flags: Readonly<Record<string, unknown>>,
): readonly FlagRule[] => Object.entries(flags).map(([flag, given]) => ({ flag, given, read, otherwise }));

/**
 * Make a command refuse a repeated option, of which commander silently takes the last, and an empty value, which reads as
 * absent. Options that take several values may be repeated.
 */
export function strictOptions(command: Command): Command {
  const seen = new Map<string, string>();
  command.hook("preAction", () => seen.clear());
  for (const option of command.options) {
    const flag = option.long ?? option.short ?? option.name();
    const values = option.required || option.optional;
    command.on(`option:${option.name()}`, (value: unknown) => {
      if (value === "") throw new UsageError(`${flag}: expected a value, got an empty one`);
      const before = seen.get(option.attributeName());
      // Repeating a switch changes nothing; its opposite does.
      if (before !== undefined && !option.variadic && (values || before !== flag)) {
        throw new UsageError(
          before === flag ? `${flag}: expected once, got it twice` : `${before}, ${flag}: give one of the two`,
        );
      }
      seen.set(option.attributeName(), flag);
    });
  }
  for (const inner of command.commands) strictOptions(inner);
  return command;
}
