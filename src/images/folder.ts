// Reads a folder of images with one folder per class: train and test parts, or one part of which a share is held out.
import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { expectKnown, lookAlikes, matchClasses, numberOrder } from "../data/class_names.ts";
import { DataError, SourceError } from "../data/index.ts";
import { readRegular } from "../node/regular_file.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import { type EncodedSource, holdOut, LARGEST_FILE } from "./encoded_source.ts";
import { checkClasses, insidePart, partsBeside, planFolder } from "./folder_layout.ts";
import { findMapping, labelsFromMapping } from "./ilsvrc.ts";
import type { SkippedFiles } from "./passed_over.ts";
import { heldOutOf, type ImageSources, unusedNote } from "./sources.ts";
import { countFile, type FollowLinks, Walk } from "./walk.ts";

/** Options of `openImageFolder`. */
export interface ImageFolderOptions {
  /** Share of each class held out if there is no test folder. Default 0.1. */
  readonly heldOut?: number;
  /** Seed of the choice of held-out images, u32. Default 0. */
  readonly seed?: number;
  /** Text file with the class of each image of a val folder without class folders; see `labelsFromMapping`. */
  readonly mapping?: string;
  /** Text file of the class numbers in the devkit's ground truth; see `labelsFromMapping`. */
  readonly synsets?: string;
  /**
   * Symbolic links out of the folder. Default: links to files and folders of the same user are followed, others are an
   * error. True: all are followed; false: none.
   */
  readonly followLinks?: FollowLinks;
  /**
   * True if the test images take their classes from a text file, whatever their folders. Default: detected from the
   * folders.
   */
  readonly flatTest?: boolean;
  /** True allows class folders that all hold folders of the same names, as parts do. Default: refused. */
  readonly groups?: boolean;
  /** Least class count. Default 1. */
  readonly fewestClasses?: number;
}

export const FOLDER_KEYS: KeysOf<ImageFolderOptions> = {
  ...{ heldOut: true, seed: true, mapping: true, synsets: true, followLinks: true },
  ...{ flatTest: true, fewestClasses: true, groups: true },
};

/** Most files for which empty ones are counted: checking a million would take long. */
const LOOKED_AT = 20_000;

function source(walk: Walk, paths: readonly string[], labels: Int32Array, classes: readonly string[]): EncodedSource {
  return {
    name: walk.root,
    length: paths.length,
    classes,
    key: (i) => paths[i]!,
    label: (i) => labels[i]!,
    async read(i) {
      const path = paths[i]!;
      try {
        return await readRegular(join(walk.root, path), LARGEST_FILE);
      } catch (cause) {
        throw new SourceError(walk.root, path, (cause as Error).message);
      }
    },
    close: async () => {},
  };
}

interface ClassFolder {
  readonly name: string;
  readonly path: string;
  readonly images: readonly string[];
}

/** Return the class folders of one part, which may be several folders: train.X1, train.X2. */
async function classFolders(walk: Walk, folders: readonly string[], notes: string[]): Promise<ClassFolder[]> {
  const found: ClassFolder[] = [];
  for (const folder of folders) {
    const inner = await insidePart(walk, folder);
    if (inner !== folder) notes.push(`${walk.relative(folder)}: read from ${walk.relative(inner)}`);
    const inside = await walk.folders(inner);
    if (inside.length === 0) {
      const loose = await walk.images(inner);
      const what = loose.length > 0 ? `${loose.length} images without class folders` : "no images";
      walk.fail(inner, `expected a folder of images for each class, got ${what}`);
    }
    await checkClasses(walk, inner, inside);
    for (const entry of await walk.list(inner)) {
      if (entry.kind === "folder") found.push({ ...entry, images: await walk.images(entry.path) });
      else countFile(walk, entry);
    }
  }
  return found;
}

function emptyFault({ name }: ClassFolder, walk: Walk): string {
  const unread = walk.passed.list().find(({ example }) => example.split("/").includes(name));
  const holds = unread ? `; it holds ${unread.what}, as ${unread.example}` : "";
  return `a class folder without images (.jpg, .png, .webp, ...)${holds}`;
}

/** Return all images of class folders; `known`: the classes to match. */
function joined(walk: Walk, folders: readonly ClassFolder[], known?: readonly string[]): EncodedSource {
  const classes = known ?? [...new Set(folders.map(({ name }) => name))].sort();
  const forms = matchClasses(classes, classes);
  const twice = classes.find((_, i) => forms.map[i] !== i);
  if (twice !== undefined) walk.fail(walk.root, `${twice}: two class folders of this name, in two forms of Unicode`);
  const paths: string[] = [];
  const labels: number[] = [];
  for (const folder of folders) {
    const where = () => `${walk.root}: ${walk.relative(folder.path)}`;
    const [label] = expectKnown(where, [folder.name], classes) as unknown as [number];
    if (folder.images.length === 0) walk.fail(folder.path, emptyFault(folder, walk));
    for (const path of folder.images) {
      paths.push(path);
      labels.push(label);
    }
  }
  return source(walk, paths, Int32Array.from(labels), classes);
}

/** Return the paths of all images below a folder at any depth, sorted by character codes in each folder. */
export const imagePaths = async (dir: string): Promise<string[]> => (await imagesBelow(dir)).paths;

/** Return imagePaths with the skipped files. */
export async function imagesBelow(
  dir: string,
): Promise<{ readonly paths: string[]; readonly passedOver: readonly SkippedFiles[] }> {
  const walk = new Walk(await rootOf(dir), undefined);
  const found = await walk.images(walk.root);
  const passedOver = walk.passed.list();
  if (found.length === 0) {
    const holds = passedOver[0] ? `; it holds ${passedOver[0].what}, as ${passedOver[0].example}` : "";
    throw new SourceError(dir, ".", `no images (.jpg, .png, .webp, ...)${holds}`);
  }
  return { paths: found.map((path) => join(dir, path)), passedOver };
}

const rootOf = (dir: string): Promise<string> =>
  realpath(dir).catch(() => {
    throw new SourceError(dir, ".", "no such folder");
  });

interface Flat {
  readonly source: EncodedSource;
  readonly mapping: string;
}

async function flatFolder(
  walk: Walk,
  folder: string,
  classes: readonly string[],
  options: ImageFolderOptions,
): Promise<Flat> {
  const paths = await walk.images(folder);
  if (paths.length === 0) walk.fail(folder, "no images, and no class folders");
  const mapping = options.mapping ?? (await findMapping(walk.root, folder));
  const labels = await labelsFromMapping({ mapping, paths, classes, synsets: options.synsets, near: walk.root });
  return { source: source(walk, paths, labels, classes), mapping };
}

/** Describe empty files among the images; null if there are none, or too many files to check. */
async function emptyFiles(sources: readonly EncodedSource[]): Promise<string | null> {
  if (sources.reduce((sum, { length }) => sum + length, 0) > LOOKED_AT) return null;
  const empty: string[] = [];
  for (const { name, length, key } of sources) {
    for (let i = 0; i < length; i++) {
      const found = await stat(join(name, key(i))).catch(() => null);
      if (found?.size === 0) empty.push(key(i));
    }
  }
  return empty.length === 0 ? null : `${empty.length} image files are empty, as ${empty[0]}`;
}

/**
 * Open the images of a folder for training and testing.
 *
 * Parts are recognised by their names (see part_names.ts): `train/<class>/...` and `val/<class>/...`; the first of val
 * and test is used. A `val` without class folders takes its labels from a mapping file, as in ILSVRC. Without a test
 * part, or with class folders in `dir` itself, a share of each class is held out. Classes are the folders' names in the
 * order of their character codes, as in torchvision's ImageFolder and ImageNet; the classes of both parts are matched
 * by name. Skipped files (hidden files, other endings) are counted in `about`.
 *
 * Errors    SourceError naming folder and file: no images, an empty class folder, one class only, names of parts and
 *           classes mixed, links that lead nowhere, in a circle, or out to files of others; DataError for a class that
 *           only the test images have. Files are opened later.
 */
export async function openImageFolder(dir: string, options: ImageFolderOptions = {}): Promise<ImageSources> {
  expectKeys(options, FOLDER_KEYS, (problem) => new DataError(`openImageFolder: ${problem}`));
  const { heldOut: share = 0.1, seed = 0 } = options;
  const walk = new Walk(await rootOf(dir), options.followLinks, dir);
  const plan = await planFolder(walk, options.groups);
  const notes: string[] = [];
  const trainFolders = await classFolders(walk, plan.kind === "parts" ? plan.train : [walk.root], notes);
  await refuseTwice(walk, trainFolders);
  const train = joined(walk, trainFolders);
  if (train.classes.length < (options.fewestClasses ?? 1)) {
    walk.fail(
      walk.root,
      `expected at least two classes, got one: all ${train.length} images are of class ${train.classes[0]}`,
    );
  }
  const shown = (folders: readonly string[]) => folders.map((path) => `${walk.relative(path)}/`).join(", ");
  const from = plan.kind === "parts" ? shown(plan.train) : "class folders";
  let parts: { train: EncodedSource; test: EncodedSource };
  let tested: string;
  const heldOut = plan.kind === "classes" || plan.test.length === 0;
  let mapped = false;
  if (heldOut) {
    parts = holdOut(train, share, seed);
    tested = heldOutOf(from, share);
    const beside = await partsBeside(walk);
    if (beside.length > 0) notes.push(`${beside.join(", ")} is beside ${dir}: use the folder above to test with it`);
  } else {
    const { test, mapping } = await testPart(walk, plan, trainFolders, train.classes, options, notes);
    parts = { train, test };
    mapped = mapping !== undefined;
    tested = shown(plan.test) + (mapping ? `, classes from ${mapping}` : "");
  }
  if (plan.kind === "parts") {
    const test = plan.test.map((path) => walk.relative(path));
    notes.push(...unusedNote(plan.unused, test));
  }
  for (const note of [lookAlikes(train.classes), numberOrder(train.classes)]) if (note) notes.push(note);
  if (!heldOut) notes.push(...sharedLinks(walk, parts));
  const empty = await emptyFiles([parts.train, parts.test]);
  if (empty) notes.push(empty);
  const { size: links } = walk.linksOut;
  if (links > 0) notes.push(`links out of the folder that were followed: ${links}`);
  return {
    ...parts,
    about: { from: { train: from, test: tested }, heldOut, mapped, passedOver: walk.passed.list(), notes },
  };
}

/** Report test images that are links to train images, or to the targets of these. */
function sharedLinks(walk: Walk, { train, test }: { train: EncodedSource; test: EncodedSource }): string[] {
  if (walk.goals.size === 0) return [];
  const goal = (path: string) => walk.goals.get(path) ?? join(walk.root, path);
  const seen = new Set(Array.from({ length: train.length }, (_, i) => goal(train.key(i))));
  const shared = Array.from({ length: test.length }, (_, i) => test.key(i)).filter((path) => seen.has(goal(path)));
  return shared.length === 0
    ? []
    : [`${shared.length} test images are the files of train images, by links, as ${shared[0]}`];
}

/** Refuse two class folders that are one by links: the same images would be in two classes, or in both parts. */
async function refuseTwice(walk: Walk, folders: readonly ClassFolder[]): Promise<void> {
  const seen = new Map<string, string>();
  for (const { path } of folders) {
    const goal = await realpath(path);
    const before = seen.get(goal);
    if (before !== undefined) walk.fail(path, `the same folder as ${walk.relative(before)}, by a link`);
    seen.set(goal, path);
  }
}

async function testPart(
  walk: Walk,
  { test: folders, train }: { readonly test: readonly string[]; readonly train: readonly string[] },
  trainFolders: readonly ClassFolder[],
  classes: readonly string[],
  options: ImageFolderOptions,
  notes: string[],
): Promise<{ test: EncodedSource; mapping?: string }> {
  const [first] = folders as [string];
  const goals = await Promise.all([...folders, ...train].map((path) => realpath(path)));
  if (new Set(goals).size < goals.length) walk.fail(first, "the same folder as the train part");
  const inner = await insidePart(walk, first);
  const flat = options.flatTest ?? (folders.length === 1 && (await walk.folders(inner)).length === 0);
  if (flat) {
    const { source: test, mapping } = await flatFolder(walk, first, classes, options);
    return { test, mapping };
  }
  const testFolders = await classFolders(walk, folders, notes);
  await refuseTwice(walk, [...trainFolders, ...testFolders]);
  return { test: joined(walk, testFolders, classes) };
}
