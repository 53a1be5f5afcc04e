// The kinds of settings, as plain data without packages: the schema, the flags and the demo's form are made of them.

/** The runs that read a setting, by a name of uses.ts. Without one, the section or every run decides. */
export type Reader =
  | "blocks"
  | "shortcut"
  | "time"
  | "spiking"
  | "leak"
  | "files"
  | "events"
  | "sized"
  | "labelled"
  | "images"
  | "color"
  | "table"
  | "heldOut"
  | "mlp"
  | "interval"
  | "momentum"
  | "nesterov"
  | "betas"
  | "eps"
  | "amsgrad"
  | "alpha"
  | "centered";

interface About {
  /** The flag of `espalier train`, as commander reads it; "--[no-]flip" is two flags. */
  readonly flag?: string;
  /** A second flag for the same setting. */
  readonly alias?: string;
  /** True if the setting may be absent although it has a default. */
  readonly optional?: true;
  /** Effect of an absent setting, for help texts. */
  readonly otherwise?: string | number;
  readonly reads?: Reader;
  /** Heading in --help. */
  readonly group?: string;
}
interface TextAbout extends About {
  readonly default?: string;
}
interface ToggleAbout extends About {
  readonly default?: boolean;
}
interface NumberAbout extends About {
  readonly min?: number;
  readonly max?: number;
  /** Exclusive bounds. */
  readonly above?: number;
  readonly below?: number;
  readonly default?: number;
}
interface IntegerAbout extends About {
  readonly min?: number;
  readonly max?: number;
  /** A bound beyond any real run, so that a typing error is found before it takes all memory. */
  readonly limit?: number;
  readonly default?: number;
}
interface ChoiceAbout extends About {
  readonly of: readonly string[];
  readonly default?: string;
}
interface ListAbout extends About {
  /** Noun for the elements, for messages. */
  readonly items: string;
  /** Fewest elements. */
  readonly least?: number;
  readonly default?: readonly string[];
}

/** One leaf of the table; `help` is its line in --help, in written recipes and in editors. */
export type Setting = { readonly help: string } & (
  | ({ readonly kind: "text" } & TextAbout)
  | ({ readonly kind: "switch" } & ToggleAbout)
  | ({ readonly kind: "number" } & NumberAbout)
  | ({ readonly kind: "integer"; readonly min: number; readonly limit: number } & IntegerAbout)
  | ({ readonly kind: "choice" } & ChoiceAbout)
  | ({ readonly kind: "names" } & ListAbout)
  | ({ readonly kind: "channels"; readonly above?: number; readonly default?: never } & About)
  | ({ readonly kind: "epochs" | "shares" | "betas"; readonly default?: never } & About)
);
/** Settings by name, in maps by section. */
export interface Section {
  readonly [key: string]: Setting | Section;
}

/** Bounds of a count that has no natural end, such as images or steps. */
const COUNTS: { readonly min: number; readonly limit: number } = { min: 1, limit: 1e6 };
/** Upper limit of epochs: steps then stay integers that a float64 holds, whatever the data. */
export const MOST_EPOCHS = 1e9;

/** Upper limit of the pixels of a side. */
export const MOST_PIXELS = 16_384;

// Each maker keeps the literal type of what it gets: the type of a recipe follows from the table.
export const text = <const S extends TextAbout>(help: string, about = {} as S) =>
  ({ kind: "text", help, ...about }) as const;
export const toggle = <const S extends ToggleAbout>(help: string, about = {} as S) =>
  ({ kind: "switch", help, ...about }) as const;
export const number = <const S extends NumberAbout>(help: string, about = {} as S) =>
  ({ kind: "number", help, ...about }) as const;
/** An integer >= 1, unless `min` says otherwise. */
export const integer = <const S extends IntegerAbout>(help: string, about = {} as S) =>
  ({ kind: "integer", help, ...COUNTS, ...about }) as const;
export const choice = <const S extends ChoiceAbout>(help: string, about: S) =>
  ({ kind: "choice", help, ...about }) as const;
export const names = <const S extends ListAbout>(help: string, about: S) =>
  ({ kind: "names", help, ...about }) as const;
/** Epochs > 0, such as those at which a rate drops. */
export const epochs = (help: string) => ({ kind: "epochs", help }) as const;
/** Two numbers in (0, 1]. */
export const shares = <const S extends About>(help: string, about: S) => ({ kind: "shares", help, ...about }) as const;
/** Three numbers, for red, green and blue; `above`: an exclusive bound. */
export const channels = <const S extends About & { readonly above?: number }>(help: string, about: S) =>
  ({ kind: "channels", help, ...about }) as const;
/** Two numbers in [0, 1). */
export const betas = <const S extends About>(help: string, about: S) => ({ kind: "betas", help, ...about }) as const;

/** Put settings under a heading of --help, except those that have one. */
export function group<const T extends Section>(heading: string, settings: T): T {
  const entries = Object.entries(settings).map(([key, node]) => [
    key,
    isSetting(node) ? { group: heading, ...node } : group(heading, node),
  ]);
  return Object.fromEntries(entries) as T;
}

export const isSetting = (node: Setting | Section): node is Setting => typeof node["kind"] === "string";

/** All leaves with their dotted paths, in the order of the table. */
export function leavesOf(section: Section, above = ""): [path: string, setting: Setting][] {
  return Object.entries(section).flatMap(([key, node]): [string, Setting][] =>
    isSetting(node) ? [[above + key, node]] : leavesOf(node, `${above}${key}.`),
  );
}

type ValueOf<S> = S extends { kind: "text" }
  ? string
  : S extends { kind: "switch" }
    ? boolean
    : S extends { kind: "number" | "integer" }
      ? number
      : S extends { kind: "choice"; of: readonly (infer Name)[] }
        ? Name
        : S extends { kind: "names" }
          ? string[]
          : S extends { kind: "epochs" }
            ? number[]
            : S extends { kind: "channels" }
              ? [number, number, number]
              : S extends { kind: "shares" | "betas" }
                ? [number, number]
                : RecipeOf<S>;
/** Keys of settings that a complete recipe always has: those with a default, and sections that hold one. */
type Required<S> = {
  [K in keyof S]: S[K] extends { optional: true }
    ? never
    : S[K] extends { kind: string }
      ? S[K] extends { default: unknown }
        ? K
        : never
      : Required<S[K]> extends never
        ? never
        : K;
}[keyof S];
/** The complete recipe of a table of settings. */
export type RecipeOf<S> = { [K in Required<S>]: ValueOf<S[K]> } & {
  [K in Exclude<keyof S, Required<S>>]?: ValueOf<S[K]> | undefined;
};
/** Dotted paths of the leaves: "prune.ltp.l0". */
export type PathsOf<S> = {
  [K in keyof S & string]: S[K] extends { kind: string } ? K : `${K}.${PathsOf<S[K]>}`;
}[keyof S & string];
