// The text of an option in --help.

/** Return the text of an option: help, choices, default. */
export function optionText(help: string, choices: readonly string[] | undefined, otherwise: unknown): string {
  const standard = otherwise === undefined ? [] : [`default ${String(otherwise)}`];
  const notes = [...(choices ? [choices.join(" | ")] : []), ...standard];
  return notes.length === 0 ? help : `${help} (${notes.join("; ")})`;
}
