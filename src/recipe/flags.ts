// The flags of settings: commander's options made of the table, and the recipe that the flags of a command line give.
import { type Command, Option } from "commander";
import { modelRegistry } from "../internal.ts";
import { number, threeAbove0, threeNumbers, whole } from "../terminal/arguments.ts";
import { UsageError } from "../terminal/fail.ts";
import { optionText } from "../terminal/option_text.ts";
import { methodSettings } from "./methods.ts";
import { METHOD_NAMES } from "./presets.ts";
import { type RecipeFlags, settingAt } from "./schema.ts";
import { leavesOf, type Setting } from "./setting.ts";
import { SETTINGS, type SettingPath } from "./settings.ts";

/** Values of flags by commander's names: --data-dir is dataDir. */
export type SettingFlags = Readonly<Record<string, unknown>>;

const FLAG = /--(?:\[no-\])?([a-z][\w-]*)/;
const attributeOf = (flag: string): string =>
  (FLAG.exec(flag)?.[1] ?? "").replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The path of the setting that each flag gives. */
const PATHS: ReadonlyMap<string, string> = new Map(
  leavesOf(SETTINGS).flatMap(([path, { flag, alias }]) =>
    [flag, alias].flatMap((text) => (text === undefined ? [] : [[attributeOf(text), path] as const])),
  ),
);

/** Return a flag as users write it: --data-dir for dataDir. */
export const spelling = (flag: string): string => `--${flag.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/** Deviations of a command from the table. */
interface OptionChange {
  readonly help?: string;
  readonly otherwise?: string | number;
}

/** Flags of `train` that set more than one setting: a method's name sets several, and --checkpoint-every the unit too. */
const OF_TRAIN: Readonly<Record<string, OptionChange>> = {
  "prune.method": { otherwise: "lats" },
  "checkpoint.every": { help: "save a checkpoint after this many steps too", otherwise: "each epoch" },
};

/** Names that a flag takes; the table holds no list of models. */
function namesOf(path: string, setting: Setting): readonly string[] | undefined {
  if (path === "model.name") return Object.keys(modelRegistry);
  if (path === "prune.method") return METHOD_NAMES;
  return setting.kind === "choice" ? setting.of : undefined;
}

/** Return the names that --help lists: not those that the help contains, and not those that another option lists. */
const listedNames = (path: string, help: string, names: readonly string[] | undefined) =>
  ["model.name", "prune.schedule", "trail"].includes(path) || names?.every((name) => help.includes(name))
    ? undefined
    : names;

const defaultText = (setting: Setting): unknown => {
  const value = setting.otherwise ?? setting.default;
  return value === false || (Array.isArray(value) && value.length === 0) ? undefined : value;
};

/** Parsers of `train` leave bounds to the recipe, whose messages name the setting; other commands read no recipe. */
function parse(option: Option, setting: Setting, names: readonly string[] | undefined, bounds: boolean): Option {
  if (setting.kind === "number") return option.argParser(number);
  if (setting.kind === "integer") return option.argParser(whole(bounds ? setting.min : 0));
  if (setting.kind === "channels") return option.argParser(setting.above === 0 ? threeAbove0 : threeNumbers);
  // Without a value, --trail is on.
  if (names) return option.choices(names.filter((name) => !option.optional || name !== "off"));
  if (setting.kind === "names" && !option.variadic)
    return option.argParser((words) => words.split(",").map((part) => part.trim()));
  return option;
}

function optionsOf(path: string, change: OptionChange, bounds: boolean, heading?: string): Option[] {
  const setting = settingAt(path.split("."));
  if (setting?.flag === undefined) throw new Error(`${path} has no flag`);
  const { flag, alias, group } = setting;
  const { help = setting.help, otherwise = bounds ? setting.otherwise : defaultText(setting) } = change;
  const names = namesOf(path, setting);
  const text = optionText(help, listedNames(path, help, names), otherwise);
  const make = (flags: string, term: string) =>
    Object.assign(parse(new Option(flags, text), setting, names, bounds).helpGroup(`${heading ?? group}:`), { term });
  // Pairs stand on one line of --help.
  if (flag.includes("[no-]"))
    return [make(flag.replace("[no-]", ""), flag), make(flag.replace("[no-]", "no-"), flag).hideHelp()];
  if (alias === undefined || bounds) return [make(flag, flag)];
  return [make(flag, flag.replace(" <", `, ${alias.split(" ")[0]} <`)), make(alias, alias).hideHelp()];
}

/** Add the flags of all settings, for `train`. */
export function addAllSettings(command: Command): Command {
  for (const [path, { flag }] of leavesOf(SETTINGS)) {
    if (flag !== undefined)
      for (const option of optionsOf(path, OF_TRAIN[path] ?? {}, false)) command.addOption(option);
  }
  return command;
}

/** Add the flags of some settings, for commands that have no recipe, under their own headings or one for all. */
export function addSettings(
  command: Command,
  changes: Readonly<Partial<Record<SettingPath, OptionChange>>>,
  heading?: string,
): Command {
  for (const [path, change] of Object.entries(changes)) {
    for (const option of optionsOf(path, change, true, heading)) command.addOption(option);
  }
  return command;
}

/** Return the spelling of the flag behind the setting at a path; for a setting that a method brings along, --method. */
export function flagNames(flags: SettingFlags): (path: string) => string | undefined {
  const given = [...PATHS].filter(([flag]) => flags[flag] !== undefined);
  const byPath = new Map(
    given.map(([flag, path]) => [path, spelling(flags[flag] === false ? `no-${spelling(flag).slice(2)}` : flag)]),
  );
  if (flags["checkpointEvery"] !== undefined) byPath.set("checkpoint.per", spelling("checkpointEvery"));
  return (path) =>
    byPath.get(path) ?? (flags["method"] !== undefined && path.startsWith("prune.") ? "--method" : undefined);
}

/** Return the part of a recipe that the flags give. Errors: UsageError for flags that contradict each other. */
export function settingsFrom(flags: SettingFlags): RecipeFlags {
  if (flags["size"] !== undefined && flags["frameSize"] !== undefined)
    throw new UsageError("--size, --frame-size: expected one of the two, which are the same setting");
  const settings: Record<string, unknown> = {};
  for (const [flag, path] of PATHS) {
    if (flags[flag] !== undefined && flag !== "method") set(settings, path.split("."), flags[flag]);
  }
  if (flags["checkpointEvery"] !== undefined) set(settings, ["checkpoint", "per"], "step");
  if (flags["trail"] === true) settings["trail"] = "all";
  const { prune, ...rest } = settings as RecipeFlags;
  const { method } = flags;
  const pruning = method === undefined ? prune : methodSettings(String(method), prune);
  return pruning === undefined ? rest : { ...rest, prune: pruning };
}

function set(map: Record<string, unknown>, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) map[key] = value;
  else {
    map[key] ??= {};
    set(map[key] as Record<string, unknown>, rest, value);
  }
}
