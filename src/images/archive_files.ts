// Archives of a data set, wherever in its folder they lie, and which of them are to train and to test with.
import { SourceError } from "../data/index.ts";
import { chooseParts, isAside, partOfFolder, partsOfFiles } from "../data/part_names.ts";
import { hasImageExtension } from "./encoded_source.ts";
import { isPacked, kindOfFile } from "./passed_over.ts";
import type { Entry, Walk } from "./walk.ts";

/** Folders that hold more folders than this hold classes, and are not searched for archives. */
const MOST_FOLDERS = 32;

/** Files beside archives that say which classes there are. */
export const CLASS_LISTS: ReadonlySet<string> = new Set(["classes.txt", "classnames.txt"]);

/** Archives whose names tell that they are to test with: a part that lies packed, where nothing else is to test with. */
export function packedTests(names: readonly string[]): string[] {
  const { parts } = partsOfFiles(names.map((name) => name.replace(/\.(zip|tgz|tar\.\w+|rar|7z)$/i, "")));
  return names.filter((name) => parts.get(name.replace(/\.(zip|tgz|tar\.\w+|rar|7z)$/i, ""))?.part === "test");
}

/** Refuses to hold images out of the part to train with where the part to test with lies beside it, in an archive not read. */
export function refusePackedTest(dir: string, names: readonly string[], forced: string): void {
  const [test] = packedTests(names);
  if (test === undefined) return;
  const message = `a part to test with by its name, in an archive that is not read here: unpack it, or put it elsewhere; ${forced} leaves it aside`;
  throw new SourceError(dir, test, message);
}

export interface Archives {
  readonly tar: readonly string[];
  readonly parquet: readonly string[];
  /** Archives that are not read where they lie: .zip, .tar.gz. */
  readonly packed: readonly string[];
  /** Folders in the folder that hold images. */
  readonly imageFolders: readonly string[];
}

/** Looks for archives in a folder and in the folders one and two below: `train/0.tar`, `default/train/0000.parquet`. */
export async function findArchives(walk: Walk): Promise<Archives> {
  const files: string[] = [];
  const search = async (folder: string, depth: number): Promise<Entry[]> => {
    const all = await walk.list(folder);
    const folders = all.filter(({ kind }) => kind === "folder");
    files.push(
      ...all.filter(({ kind, name }) => kind === "file" && isPacked(name)).map(({ path }) => walk.relative(path)),
    );
    for (const { kind, name, path } of all) {
      if (kind !== "file" || isPacked(name) || CLASS_LISTS.has(name)) continue;
      walk.passed.add(hasImageExtension(name) ? "images beside the archives" : kindOfFile(name), walk.relative(path));
    }
    if (depth < 2 && folders.length <= MOST_FOLDERS) for (const { path } of folders) await search(path, depth + 1);
    return folders;
  };
  const folders = await search(walk.root, 0);
  const ending = (end: string) => files.filter((name) => name.toLowerCase().endsWith(end)).sort();
  const [tar, parquet] = [ending(".tar"), ending(".parquet")];
  const imageFolders: string[] = [];
  if (files.length > 0) {
    for (const { name, path } of folders.slice(0, MOST_FOLDERS)) {
      if (!isAside(name) && (await walk.hasImages(path))) imageFolders.push(name);
    }
  }
  const read = new Set([...tar, ...parquet]);
  return { tar, parquet, packed: files.filter((name) => !read.has(name)).sort(), imageFolders };
}

export interface ArchiveSplit {
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** Archives of parts that nothing uses, and of none. */
  readonly unused: readonly string[];
  /** Whether the names tell parts. */
  readonly told: boolean;
}

const few = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");

/** The folders that lie above the folders of parts: of plain_text/train/0.parquet, plain_text. */
function foldersAboveParts(names: readonly string[]): string[] {
  const above = names.flatMap((name) => {
    const folders = name.split("/").slice(0, -1);
    const at = folders.findIndex((folder) => partOfFolder(folder) !== null);
    return at < 0 ? [] : [folders.slice(0, at).join("/")];
  });
  return [...new Set(above)].map((folder) => folder || ".");
}

/**
 * Which archives are to train and to test with, by their names. Where names tell a part to test with alone, the rest is to
 * train with; where they tell none, all are.
 *
 * Errors    SourceError: names that tell both parts; archives whose names tell none beside archives to train with; none to
 *           train with; parts of several data sets, each in a folder of its own.
 */
export function splitArchives(dir: string, ending: string, names: readonly string[]): ArchiveSplit {
  const { parts, both, aside } = partsOfFiles(names);
  const [twofold] = both;
  if (twofold !== undefined) {
    throw new SourceError(dir, twofold, "its name says that it is to train and to test with: expected one part");
  }
  const { train, test, unused } = chooseParts(names, parts);
  const rest = names.filter((name) => !parts.has(name) && !aside.includes(name));
  if (train.length > 0 && rest.length > 0) {
    const message = `no part by its name, beside ${few(train)}: expected train or val (test, ...) in each name`;
    throw new SourceError(dir, few(rest), message);
  }
  const sets = foldersAboveParts([...train, ...test]);
  if (sets.length > 1) {
    const message = `data sets in ${few(sets)}, each with parts of its own: expected one; give its folder`;
    throw new SourceError(dir, few([...train, ...test]), message);
  }
  const used = train.length > 0 ? train : rest;
  if (used.length === 0) {
    const found = names.length > 0 ? `; found ${few(names)}` : "";
    throw new SourceError(dir, `*${ending}`, `no files to train with: wanted names train*${found}`);
  }
  return { train: used, test, unused: [...unused, ...aside], told: parts.size > 0 };
}
