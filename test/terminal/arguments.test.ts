import { Command, Option } from "commander";
import { expect, test } from "vitest";
import { usageLine, whole } from "../../src/terminal/arguments.ts";

/** Parse words with a small command, and return the line of its error. */
function errorOf(words: string): string {
  let text = "";
  const command = new Command("tool")
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: (t) => (text = t) });
  command
    .command("run <path>")
    .exitOverride()
    .copyInheritedSettings(command)
    .requiredOption("--out <file>", "file")
    .addOption(new Option("-c, --color <name>", "color").choices(["red", "green"]))
    .option("-n, --count <n>", "count", whole(1));
  try {
    command.parse(words.split(" "), { from: "user" });
  } catch {
    return usageLine(text);
  }
  throw new Error(`no error: ${words}`);
}

test.each([
  ["run a --out b --color blue", "--color: expected one of red, green, got blue"],
  ["run a --out b -c grean", "--color: expected one of red, green, got grean; did you mean green?"],
  ["run a --out b --count 0", "--count: expected an integer >= 1, got 0"],
  ["run a --out b --count 1,5", "--count: expected a number, got 1,5; did you mean 1.5?"],
  ["run a --out", "--out: expected <file>, got none"],
  ["run a", "--out: expected <file>, got none"],
  ["run --out b", "expected <path>, got none"],
  ["run a b --out c", "run: expected 1 argument, got 2"],
  ["run a --out b --colour red", "unknown option --colour; --help lists all; did you mean --color?"],
  ["walk", "unknown command walk; --help lists all"],
])("tool %s: %s", (words, line) => {
  expect(errorOf(words)).toBe(`espalier: ${line}`);
});
