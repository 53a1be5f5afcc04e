// Flags that would do nothing: given twice, given without a value, or in company that leaves them without effect. Each is
// refused by name; the settings of recipes have a table of their own in recipe_uses.ts.
import type { Command } from "commander";
import { UsageError } from "./fail.ts";

export interface FlagRule {
  /** As users write it. */
  readonly flag: string;
  /** What it was given; undefined and false are not given. */
  readonly given: unknown;
  /** Whether the command looks at it. */
  readonly read: boolean;
  /** Why not: "is for data images, the data are mnist". */
  readonly otherwise: string;
}

/** Refuses the first flag that was given and is not read. Errors: UsageError. */
export function refuseIdle(rules: readonly FlagRule[]): void {
  for (const { flag, given, read, otherwise } of rules) {
    if (given !== undefined && given !== false && !read) throw new UsageError(`${flag}: ${otherwise}`);
  }
}

/** The same rule for several flags. */
export const idleUnless = (
  read: boolean,
  otherwise: string,
  flags: Readonly<Record<string, unknown>>,
): readonly FlagRule[] => Object.entries(flags).map(([flag, given]) => ({ flag, given, read, otherwise }));

/**
 * Has a command refuse an option that is given twice (the last would win without a word), and one whose value is empty (which
 * reads as if it were not there). Options that take several values may be repeated.
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
        throw new UsageError(before === flag ? `${flag}: is given twice` : `${before}, ${flag}: give one of the two`);
      }
      seen.set(option.attributeName(), flag);
    });
  }
  for (const inner of command.commands) strictOptions(inner);
  return command;
}
