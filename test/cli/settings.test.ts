// The table of settings: one row gives the schema, the flags, the help texts, the JSON Schema and the defaults.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { COMMAND_NAMES, program } from "../../src/cli/program.ts";
import { settingsFrom } from "../../src/recipe/flags.ts";
import { recipeJsonSchema, SCHEMA_FILE, schemaText } from "../../src/recipe/json_schema.ts";
import { get } from "../../src/recipe/layers.ts";
import { DEFAULT_RECIPE, fits, recipeSchema } from "../../src/recipe/schema.ts";
import { leavesOf } from "../../src/recipe/setting.ts";
import { SETTINGS } from "../../src/recipe/settings.ts";

const recipes = fileURLToPath(new URL("../../recipes/", import.meta.url));
const leaves = leavesOf(SETTINGS);
const { commands } = await program(() => {}, [], COMMAND_NAMES);
const help = (name: string) => commands.find((command) => command.name() === name)!.helpInformation();

test("every setting has a help text of one line, and a default or is optional", () => {
  expect(leaves.length).toBeGreaterThan(70);
  for (const [path, setting] of leaves) {
    expect(setting.help, path).toMatch(/^[^\n]{6,75}$/);
    const standard = get(DEFAULT_RECIPE, path.split("."));
    expect(standard, path).toEqual(setting.default);
    if (standard !== undefined) expect(fits(path.split("."), standard), path).toBe(true);
  }
  expect(recipeSchema.parse(DEFAULT_RECIPE)).toEqual(DEFAULT_RECIPE);
});

/** Options of `train` that are no setting of a recipe. */
const OWN = ["adapter", "requireGpu", "watchdog", "json", "overwrite", "resume", "restarts", "dryRun", "tune"];

test("every flag of train is a setting, or one of the command's own", () => {
  const train = commands.find((command) => command.name() === "train")!;
  const names = new Set(train.options.map((option) => option.attributeName()));
  for (const name of names) {
    if (OWN.includes(name)) continue;
    const value = name === "method" ? "lats" : 1;
    expect(Object.keys(settingsFrom({ [name]: value })), name).not.toEqual([]);
  }
  expect(names.size).toBe(leaves.filter(([, { flag }]) => flag).length + OWN.length + 1); // --frame-size is --size
});

test("train --help prints the groups, the defaults and at most 135 lines", () => {
  const text = help("train");
  const headings = text.split("\n").filter((line) => /^[A-Z][^:]*:$/.test(line));
  expect(headings).toEqual([
    "Model:",
    "Spiking networks:",
    "Data:",
    "Numbers in files (--data table):",
    "Image files (--data images):",
    "Training:",
    "Pruning:",
    "Run:",
    "GPU and output:",
  ]);
  expect(text).toMatch(/--threshold <D> +final threshold, in units of the weights \(default 0\.1\)/);
  expect(text).toMatch(/--held-out <share> .*\(default 0\.1\)/);
  expect(text.split("\n").length).toBeLessThanOrEqual(135);
});

test("every command has a summary, a description and the same form of help", () => {
  const subjects: Command[] = [...commands];
  for (const command of subjects) {
    expect(command.summary(), command.name()).toMatch(/^[a-z].*[^.]$/);
    expect(command.description(), command.name()).toMatch(/^[A-Z][\s\S]*[^\s]$/);
    for (const option of command.options) expect(option.description, `${option.flags}`).toMatch(/^[\w.][^\n]*[^.]$/);
  }
});

test("the schema file beside the recipes is that of the table", () => {
  expect(JSON.parse(readFileSync(join(recipes, SCHEMA_FILE), "utf8"))).toEqual(JSON.parse(schemaText()));
  expect(recipeJsonSchema()).toMatchObject({ $schema: "https://json-schema.org/draft/2020-12/schema" });
});

interface Node {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
  readonly prefixItems?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** The keywords that the schema has, checked by hand: no validator is among the packages. */
function accepts(node: Node, value: unknown): boolean {
  if (node.anyOf) return node.anyOf.some((inner) => accepts(inner, value));
  if (node.enum && !node.enum.includes(value)) return false;
  if (node.type === "object") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    return Object.entries(value).every(([key, inner]) => {
      const property = node.properties?.[key];
      return property !== undefined && accepts(property, inner);
    });
  }
  if (node.type === "array") {
    const { items, prefixItems } = node;
    return Array.isArray(value) && value.every((inner, i) => accepts(prefixItems?.[i] ?? items ?? {}, inner));
  }
  if (node.type === "string") return typeof value === "string";
  if (node.type === "boolean") return typeof value === "boolean";
  if (node.type !== "number" && node.type !== "integer") return true;
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = node;
  return (
    typeof value === "number" &&
    (node.type === "number" || Number.isInteger(value)) &&
    value >= minimum &&
    value <= maximum &&
    value > exclusiveMinimum &&
    value < exclusiveMaximum
  );
}

test("the JSON Schema accepts every recipe of the repository, and refuses slips", () => {
  const schema = recipeJsonSchema() as Node;
  const files = readdirSync(recipes, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
  expect(files.length).toBeGreaterThan(40);
  for (const name of files) {
    const text = readFileSync(join(recipes, name), "utf8");
    expect(accepts(schema, parse(text)), name).toBe(true);
    const [, file = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
    expect(join(recipes, name, "..", file), name).toBe(join(recipes, SCHEMA_FILE));
  }
  expect(accepts(schema, { model: "resnet-20", data: "mnist", extends: "a.yaml" })).toBe(true);
  const slips = [
    { epochs: 0 },
    { epoch: 1 },
    { model: "lenet5" },
    { lr: { base: "fast" } },
    { prune: { sparsity: 1 } },
  ];
  for (const slip of slips) expect(accepts(schema, slip), JSON.stringify(slip)).toBe(false);
});

test("help and version load no engine, and help lists all commands", async () => {
  const { commands: stubs } = await program(() => {}, ["--help"]);
  expect(stubs.map((command) => command.name())).toEqual([...COMMAND_NAMES]);
  // Without its module a command has no options.
  expect(stubs.every((command) => command.options.length === 0)).toBe(true);
  expect(stubs.map((command) => command.summary())).toEqual(commands.map((command) => command.summary()));
  const ofHelp = await program(() => {}, ["help", "trail"]);
  const loaded = ofHelp.commands.filter((command) => command.options.length > 0);
  expect(loaded.map((command) => command.name())).toEqual(["trail"]);
});
