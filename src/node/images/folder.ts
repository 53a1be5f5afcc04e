// A folder of images, one folder for each class: train/ and val/ as ILSVRC has them, or one folder of which a share is
// held out.
import type { Dirent } from "node:fs";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { SourceError } from "../../data/index.ts";
import { type EncodedSource, hasImageExtension, holdOut, LARGEST_FILE } from "./encoded_source.ts";
import { findMapping, labelsFromMapping } from "./ilsvrc.ts";

export interface ImageFolderOptions {
  /** Share of each class that is held out where there is no folder for testing. Default 0.1. */
  readonly heldOut?: number;
  /** u32: which images are held out. Default 0. */
  readonly seed?: number;
  /** Text file that says the class of each image of a val folder without class folders; see `labelsFromMapping`. */
  readonly mapping?: string;
  /** Text file of the numbers that the devkit's ground truth uses; see `labelsFromMapping`. */
  readonly synsets?: string;
  /** Follow symbolic links that lead out of the folder. Default false: such a link is an error. */
  readonly followLinks?: boolean;
}

/** Names of a folder for testing, in the order in which they are looked for. */
const TEST_FOLDERS = ["val", "validation", "valid", "test"] as const;
/** Folders within a class folder. */
const DEEPEST = 16;

interface Walk {
  /** The folder without links in its path: nothing outside it is read. */
  readonly root: string;
  readonly followLinks: boolean;
}

async function entries(folder: string): Promise<Dirent[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new SourceError(folder, ".", cause.code === "ENOENT" ? "no such folder" : (cause.code ?? cause.message));
  });
  // By their characters' codes, so that the order is that of no locale.
  return found.filter(({ name }) => !name.startsWith(".")).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What an entry is, links resolved. Errors: SourceError for links that lead nowhere or out of the folder. */
async function kindOf(walk: Walk, folder: string, entry: Dirent): Promise<"folder" | "file" | "other"> {
  const path = join(folder, entry.name);
  let found: { isDirectory(): boolean; isFile(): boolean } = entry;
  if (entry.isSymbolicLink()) {
    const goal = await realpath(path).catch(() => {
      throw new SourceError(walk.root, relative(walk.root, path), "a link that leads nowhere");
    });
    if (!walk.followLinks && goal !== walk.root && !goal.startsWith(walk.root + sep)) {
      const message = `a link that leads out of the folder, to ${goal}; followLinks permits it`;
      throw new SourceError(walk.root, relative(walk.root, path), message);
    }
    found = await stat(goal);
  }
  return found.isDirectory() ? "folder" : found.isFile() ? "file" : "other";
}

async function foldersIn(walk: Walk, folder: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await entries(folder)) {
    if (!hasImageExtension(entry.name) && (await kindOf(walk, folder, entry)) === "folder") names.push(entry.name);
  }
  return names;
}

/** Paths of the images below a folder, relative to the root. */
async function imagesBelow(walk: Walk, folder: string, depth: number, found: string[]): Promise<void> {
  if (depth > DEEPEST) {
    throw new SourceError(walk.root, relative(walk.root, folder), `folders within folders, more than ${DEEPEST} deep`);
  }
  for (const entry of await entries(folder)) {
    const kind = await kindOf(walk, folder, entry);
    const path = join(folder, entry.name);
    if (kind === "folder") await imagesBelow(walk, path, depth + 1, found);
    else if (kind === "file" && hasImageExtension(entry.name)) found.push(relative(walk.root, path));
  }
}

function source(walk: Walk, paths: readonly string[], labels: Int32Array, classes: readonly string[]): EncodedSource {
  return {
    name: walk.root,
    length: paths.length,
    classes,
    key: (i) => paths[i] as string,
    label: (i) => labels[i] as number,
    async read(i) {
      const path = paths[i] as string;
      try {
        const full = join(walk.root, path);
        const { size } = await stat(full);
        if (size > LARGEST_FILE) throw new Error(`${size} bytes are more than an image file may have, ${LARGEST_FILE}`);
        return await readFile(full);
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException;
        throw new SourceError(walk.root, path, code === "ENOENT" ? "no such file" : message);
      }
    },
    close: async () => {},
  };
}

/** All images of a folder of class folders. */
async function classFolders(walk: Walk, folder: string, known?: readonly string[]): Promise<EncodedSource> {
  const where = relative(walk.root, folder) || ".";
  const names = await foldersIn(walk, folder);
  if (names.length === 0)
    throw new SourceError(walk.root, where, "no images: wanted a folder of images for each class");
  const classes = known ?? names;
  const paths: string[] = [];
  const labels: number[] = [];
  for (const name of names) {
    const label = classes.indexOf(name);
    if (label < 0) {
      throw new SourceError(walk.root, join(where, name), "a class that the train images do not have");
    }
    const before = paths.length;
    await imagesBelow(walk, join(folder, name), 0, paths);
    if (paths.length === before) {
      throw new SourceError(walk.root, join(where, name), "a class folder without images (.jpg, .png, .webp, ...)");
    }
    for (let i = before; i < paths.length; i++) labels.push(label);
  }
  return source(walk, paths, Int32Array.from(labels), classes);
}

/**
 * Paths of all images below a folder, whatever folders they lie in, sorted by their characters' codes in each.
 *
 * Errors    SourceError: no such folder, no images, links that lead out of it.
 */
export async function imagePaths(dir: string): Promise<string[]> {
  const root = await realpath(dir).catch(() => {
    throw new SourceError(dir, ".", "no such folder");
  });
  const found: string[] = [];
  await imagesBelow({ root, followLinks: false }, root, 0, found);
  if (found.length === 0) throw new SourceError(dir, ".", "no images (.jpg, .png, .webp, ...)");
  return found.map((path) => join(dir, path));
}

async function flatFolder(
  walk: Walk,
  folder: string,
  classes: readonly string[],
  options: ImageFolderOptions,
): Promise<EncodedSource> {
  const paths: string[] = [];
  await imagesBelow(walk, folder, 0, paths);
  const where = relative(walk.root, folder);
  if (paths.length === 0) throw new SourceError(walk.root, where, "no images, and no class folders");
  const mapping = options.mapping ?? (await findMapping(walk.root, folder));
  const labels = await labelsFromMapping({ mapping, paths, classes, ...pickSynsets(options), near: walk.root });
  return source(walk, paths, labels, classes);
}

const pickSynsets = ({ synsets }: ImageFolderOptions) => (synsets === undefined ? {} : { synsets });

/**
 * The images of a folder, to train and to test.
 *
 * `train/<class>/...` and `val/<class>/...` (or validation, valid, test) where there is a folder `train`; a `val` without
 * class folders takes its labels from a mapping file, as in ILSVRC. Else the class folders lie in `dir` itself, or there
 * is nothing to test with: then a share of each class is held out. Classes are the folders' names in the order of their
 * characters' codes, as torchvision's ImageFolder and ImageNet have them. Names that begin with a dot are passed over,
 * and so are files that do not end as images do.
 *
 * Errors    SourceError naming folder and file: no images, an empty class folder, a class that only the test images
 *           have, links that lead out of the folder, images without a class. Files are opened later.
 */
export async function openImageFolder(
  dir: string,
  options: ImageFolderOptions = {},
): Promise<{ train: EncodedSource; test: EncodedSource }> {
  const { heldOut = 0.1, seed = 0, followLinks = false } = options;
  const root = await realpath(dir).catch(() => {
    throw new SourceError(dir, ".", "no such folder");
  });
  const walk: Walk = { root, followLinks };
  const inside = await foldersIn(walk, root);
  if (!inside.includes("train")) return holdOut(await classFolders(walk, root), heldOut, seed);
  const train = await classFolders(walk, join(root, "train"));
  const name = TEST_FOLDERS.find((n) => inside.includes(n));
  if (!name) return holdOut(train, heldOut, seed);
  const folder = join(root, name);
  const flat = (await foldersIn(walk, folder)).length === 0;
  const test = await (flat
    ? flatFolder(walk, folder, train.classes, options)
    : classFolders(walk, folder, train.classes));
  return { train, test };
}
