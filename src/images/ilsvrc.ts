// Classes of ILSVRC's validation images, which are all in one folder: a text file beside them gives the classes.
import { basename, join } from "node:path";
import { SourceError } from "../data/index.ts";
import { readRegularText } from "../node/regular_file.ts";

const DEVKIT = join("ILSVRC2012_devkit_t12", "data");
const MAPPINGS = [
  "ILSVRC2012_validation_ground_truth.txt",
  join(DEVKIT, "ILSVRC2012_validation_ground_truth.txt"),
  "LOC_val_solution.csv",
  "val.txt",
  "val_map.txt",
  "val_annotations.txt",
];
const SYNSETS = ["map_clsloc.txt", "synsets.txt", "LOC_synset_mapping.txt"].flatMap((n) => [n, join(DEVKIT, n)]);

const read = (path: string): Promise<string | null> => readRegularText(path).catch(() => null);

async function firstThere(names: readonly string[], folders: readonly string[]): Promise<string | null> {
  for (const folder of folders) {
    for (const name of names) if ((await read(join(folder, name))) !== null) return join(folder, name);
  }
  return null;
}

/**
 * Find a mapping file by its usual names, in the data set's folder or beside the images. Errors: SourceError with all
 * names.
 */
export async function findMapping(root: string, folder: string): Promise<string> {
  const found = await firstThere(MAPPINGS, [root, folder]);
  if (found) return found;
  const names = MAPPINGS.map((n) => basename(n));
  const message = `images without class folders, and no mapping file (${[...new Set(names)].join(", ")})`;
  throw new SourceError(root, basename(folder), message);
}

interface Line {
  readonly number: number;
  readonly words: readonly string[];
}

async function linesOf(path: string): Promise<Line[]> {
  const text = await read(path);
  if (text === null) throw new SourceError("mapping", path, "no such file");
  return text
    .split(/\r?\n/)
    .map((line, i) => ({ number: i + 1, words: line.trim().split(/[\s,]+/) }))
    .filter(({ words }) => words[0] !== "");
}

/** Read the devkit's class numbers and wnids, from lines `wnid number ...`, or wnids alone in their order. */
async function synsetNumbers(path: string): Promise<Map<number, string>> {
  const numbers = new Map<number, string>();
  for (const { number, words } of await linesOf(path)) {
    const wnid = words.find((w) => /^n\d{8}$/.test(w));
    const id = words.slice(0, 2).find((w) => /^\d+$/.test(w));
    if (!wnid) throw new SourceError("synsets", path, `line ${number}: expected a wnid such as n01440764, got none`);
    numbers.set(id === undefined ? number : Number(id), wnid);
  }
  return numbers;
}

const stem = (path: string): string => basename(path).replace(/\.[^.]+$/, "");

interface MappingRequest {
  /** Path of the mapping file. */
  readonly mapping: string;
  /** Images, sorted by name. */
  readonly paths: readonly string[];
  readonly classes: readonly string[];
  /** Path of the file of class numbers. Default: searched in `near`, and beside the mapping file. */
  readonly synsets: string | undefined;
  readonly near: string;
}

/**
 * Read a label for each image from a text file of one of two forms.
 *
 * - Numbers alone, one a line: the devkit's `ILSVRC2012_validation_ground_truth.txt`. Line i is for the i-th image by
 * name. The numbers are the devkit's own, from 1 and not in alphabetical order, so a second file has to give the wnid
 * of each: lines `wnid number name` (`map_clsloc.txt`), or wnids alone in the order of their numbers (`synsets.txt`).
 * - `name class` with blanks, tabs or commas between, further words ignored: `LOC_val_solution.csv`, `val.txt`. The
 * name is that of the file without ending and folders; the class is a wnid or the name or index (from 0, sorted) of a
 * class folder. A first line of headings is skipped.
 *
 * Errors    SourceError naming file and line: no such file, an unknown class, an image without a line, another number
 *           of lines than images.
 */
export async function labelsFromMapping(request: MappingRequest): Promise<Int32Array> {
  const { mapping, paths, classes } = request;
  const lines = await linesOf(mapping);
  const fail = (message: string): never => {
    throw new SourceError("mapping", mapping, message);
  };
  const indices = new Map(classes.map((name, i) => [name, i]));
  if (lines.length > 0 && lines.every(({ words }) => words.length === 1 && /^\d+$/.test(words[0]!))) {
    if (lines.length !== paths.length) fail(`expected ${paths.length} lines, one per image, got ${lines.length}`);
    const synsets = request.synsets ?? (await firstThere(SYNSETS, [request.near, join(mapping, "..")]));
    if (!synsets) {
      return fail(
        "holds class numbers of the devkit: expected a file map_clsloc.txt or synsets.txt with the wnid of each, got none",
      );
    }
    const numbers = await synsetNumbers(synsets);
    return Int32Array.from(lines, ({ number, words }) => {
      const wnid = numbers.get(Number(words[0])) ?? fail(`line ${number}: ${synsets} has no class ${words[0]}`);
      return indices.get(wnid) ?? fail(`line ${number}: class ${wnid} has no folder of train images`);
    });
  }
  const byName = new Map<string, number>();
  for (const [i, { number, words }] of lines.entries()) {
    const [name = "", label = ""] = words;
    const index = indices.get(label) ?? (/^\d+$/.test(label) && Number(label) < classes.length ? Number(label) : null);
    if (index !== null) byName.set(stem(name), index);
    else if (i > 0 || !/^(imageid|image|name|file|filename)$/i.test(name)) {
      fail(
        `line ${number}: expected a class of the train images or a number below ${classes.length}, got ${JSON.stringify(label)}`,
      );
    }
  }
  return Int32Array.from(paths, (path) => byName.get(stem(path)) ?? fail(`no line for the image ${basename(path)}`));
}
