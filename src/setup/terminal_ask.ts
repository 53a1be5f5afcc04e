// Asks yes-or-no questions on the terminal.
import { createInterface } from "node:readline/promises";
import type { Ask } from "./setup.ts";

/** Return a function that asks on the terminal, or undefined without a terminal and in CI. Any answer but yes means no. */
export function terminalAsk(): Ask | undefined {
  const { stdin, stderr, env } = process;
  if (!stdin.isTTY || !stderr.isTTY || (env["CI"] ?? "") !== "") return undefined;
  return async (question) => {
    const terminal = createInterface({ input: stdin, output: stderr });
    try {
      return /^\s*y(es)?\s*$/i.test(await terminal.question(`${question} [y/N] `));
    } finally {
      terminal.close();
    }
  };
}
