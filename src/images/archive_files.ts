// Finds the archives of a data set in its folder and assigns them to training and testing.
import { SourceError } from "../data/index.ts";
import { chooseParts, isAside, partOfFolder, partsOfFiles } from "../data/part_names.ts";
import { hasImageExtension } from "./encoded_source.ts";
import { isPacked, kindOfFile } from "./passed_over.ts";
import type { Entry, Walk } from "./walk.ts";

/** Limit of subfolders: a folder with more holds classes and is not searched for archives. */
const MOST_FOLDERS = 32;

/** Class lists beside archives. */
export const CLASS_LISTS: ReadonlySet<string> = new Set(["classes.txt", "classnames.txt"]);

/** Return the archives that are a test part by their names. */
function packedTests(names: readonly string[]): string[] {
  const { parts } = partsOfFiles(names.map((name) => name.replace(/\.(zip|tgz|tar\.\w+|rar|7z)$/i, "")));
  return names.filter((name) => parts.get(name.replace(/\.(zip|tgz|tar\.\w+|rar|7z)$/i, ""))?.part === "test");
}

/** Refuse a held-out test set if the folder has a test part in an unsupported archive. */
export function refusePackedTest(dir: string, names: readonly string[], forced: string): void {
  const [test] = packedTests(names);
  if (test === undefined) return;
  const message = `a test part by its name, in an unsupported archive: unpack it, or move it; ${forced} skips it`;
  throw new SourceError(dir, test, message);
}

export interface Archives {
  readonly tar: readonly string[];
  readonly parquet: readonly string[];
  /** Archives that have to be unpacked first: .zip, .tar.gz. */
  readonly packed: readonly string[];
  /** Folders in the folder that hold images. */
  readonly imageFolders: readonly string[];
}

/** Find archives in a folder and one and two levels below: `train/0.tar`, `default/train/0000.parquet`. */
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

interface ArchiveSplit {
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** Archives of parts that are not used, and of no part. */
  readonly unused: readonly string[];
  /** True if the names name parts. */
  readonly told: boolean;
}

const few = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");

/** Return the folders above the folders of parts: plain_text for plain_text/train/0.parquet. */
function foldersAboveParts(names: readonly string[]): string[] {
  const above = names.flatMap((name) => {
    const folders = name.split("/").slice(0, -1);
    const at = folders.findIndex((folder) => partOfFolder(folder) !== null);
    return at < 0 ? [] : [folders.slice(0, at).join("/")];
  });
  return [...new Set(above)].map((folder) => folder || ".");
}

/**
 * Assign archives to training and testing by their names. If the names name only a test part, the rest is for training;
 * if they name no part, all are.
 *
 * Errors    SourceError: names of both parts; archives of no part beside training archives; none for training; parts of
 *           several data sets in several folders.
 */
export function splitArchives(dir: string, ending: string, names: readonly string[]): ArchiveSplit {
  const { parts, both, aside } = partsOfFiles(names);
  const [twofold] = both;
  if (twofold !== undefined)
    throw new SourceError(dir, twofold, "expected the name of one part, got both train and test");
  const { train, test, unused } = chooseParts(names, parts);
  const rest = names.filter((name) => !parts.has(name) && !aside.includes(name));
  if (train.length > 0 && rest.length > 0) {
    const message = `expected train or val (test, ...) in each name, got none beside ${few(train)}`;
    throw new SourceError(dir, few(rest), message);
  }
  const sets = foldersAboveParts([...train, ...test]);
  if (sets.length > 1) {
    const message = `expected one data set, got several with parts in ${few(sets)}; choose one of these folders`;
    throw new SourceError(dir, few([...train, ...test]), message);
  }
  const used = train.length > 0 ? train : rest;
  if (used.length === 0) {
    const found = names.length > 0 ? `; found ${few(names)}` : "";
    throw new SourceError(dir, `*${ending}`, `no training files: expected names train*${found}`);
  }
  return { train: used, test, unused: [...unused, ...aside], told: parts.size > 0 };
}
