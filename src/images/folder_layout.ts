// Recognises the folders of an image data set: parts, classes, or a wrapper around them. Anything unclear is refused
// with a line on what was found.
import { basename, dirname, join } from "node:path";
import { chooseParts, isAside, isGenericName, pairedRests, partOfFolder, partsOfFolders } from "../data/part_names.ts";
import { SHARD_INDEX_FILE } from "../io/index.ts";
import { hasImageExtension } from "./encoded_source.ts";
import { isPacked } from "./passed_over.ts";
import { countFile, type Entry, Walk } from "./walk.ts";

/** Train and test folders, each of class folders or (test) of images; or class folders alone. */
type FolderPlan =
  | { readonly kind: "classes" }
  | {
      readonly kind: "parts";
      readonly train: readonly string[];
      readonly test: readonly string[];
      /** Parts that are not used. */
      readonly unused: readonly string[];
    };

const names = (entries: readonly { readonly name: string }[], most = 5): string => {
  const shown = entries.slice(0, most).map(({ name }) => name);
  return `${shown.join(", ")}${entries.length > most ? ` and ${entries.length - most} more` : ""}`;
};

/** Refuse a folder without class folders and say what is in it. */
async function refuseWithoutFolders(walk: Walk, folder: string, all: readonly Entry[]): Promise<never> {
  const files = all.filter(({ kind }) => kind === "file");
  const images = files.filter(({ name }) => hasImageExtension(name));
  const packed = files.filter(({ name }) => isPacked(name));
  const tables = files.filter(({ name }) => /\.(csv|tsv|json|jsonl|txt|xml)$/i.test(name));
  if (images.length > 0) {
    const beside = tables.length > 0 ? ` (labels in ${names(tables)} are not supported)` : "";
    const above = (await isClassAmongOthers(folder)) ? `; did you mean ${dirname(walk.shown(folder))}?` : "";
    return walk.fail(
      folder,
      `expected a folder of images for each class, got ${images.length} images without class folders${beside}${above}`,
    );
  }
  if (packed.length > 0)
    return walk.fail(folder, `no images, but ${names(packed)}: unpack it first (tar archives are read directly)`);
  if (files.some(({ name }) => name === SHARD_INDEX_FILE)) {
    walk.fail(
      folder,
      `expected a folder of parts, got the shards of one part; did you mean ${dirname(walk.shown(folder))}?`,
    );
  }
  const found = files.length > 0 ? `; found ${names(files)}` : "";
  return walk.fail(folder, `no images: expected a folder of images for each class${found}`);
}

/** Check whether the folders beside a folder have images too, as the folders of classes do. */
async function isClassAmongOthers(folder: string): Promise<boolean> {
  const above = new Walk(dirname(folder), true);
  const folders = await above.folders(above.root).catch(() => []);
  if (folders.length < 2 || folders.length > 1000) return false;
  let withImages = 0;
  for (const { path } of folders) if (await above.hasImages(path)) withImages++;
  return withImages > 1;
}

/** Check whether a folder has images directly in it, and no folders. */
async function isFlat(walk: Walk, folder: string): Promise<boolean> {
  const all = await walk.list(folder);
  return all.some(({ name }) => hasImageExtension(name)) && !all.some(({ kind }) => kind === "folder");
}

/**
 * Recognise the folder of a data set. `groups`: class folders may all hold folders of the same names.
 *
 * Errors    SourceError: images without class folders, no train part, parts mixed with classes, one class only, names
 *           that are no classes.
 */
export async function planFolder(walk: Walk, groups = false): Promise<FolderPlan> {
  const { root } = walk;
  const all = await walk.list(root);
  const folders = all.filter(({ name, kind }) => kind === "folder" && !hasImageExtension(name));
  if (folders.length === 0) return refuseWithoutFolders(walk, root, all);
  const parts = partsOfFolders(folders.map(({ name }) => name));
  const found = folders.filter(({ name }) => parts.has(name));
  if (found.length > 0 && !(await areClasses(walk, folders, found))) return planParts(walk, folders, found);
  const mixed = pairedRests(folders.map(({ name }) => name));
  if (mixed.length > 1) {
    walk.fail(root, `expected train/<class> and val/<class>, got names of part and class in one: ${names(folders)}`);
  }
  await checkClasses(walk, root, folders);
  if (!groups) await refuseSameInside(walk, folders);
  return { kind: "classes" };
}

/** Most folders that are checked for being parts. */
const MOST_PARTS = 6;

/**
 * Refuse seen/{cats, dogs} beside unseen/{cats, dogs}: parts with unknown names, which would become the classes of a
 * wrong problem.
 */
async function refuseSameInside(walk: Walk, folders: readonly Entry[]): Promise<void> {
  if (folders.length < 2 || folders.length > MOST_PARTS) return;
  let shared: string[] | null = null;
  for (const { path } of folders) {
    const all = await walk.list(path);
    if (all.some(({ name, kind }) => kind === "file" && hasImageExtension(name))) return;
    const inside = all.filter(({ kind }) => kind === "folder").map(({ name }) => name);
    shared = shared === null ? inside : shared.filter((name) => inside.includes(name));
    if (shared.length < 2) return;
  }
  const common = names((shared ?? []).map((name) => ({ name })));
  walk.fail(
    walk.root,
    `${names(folders)}: each holds the folders ${common}: expected parts named train and val (test, ...); --layout folder uses these folders as classes`,
  );
}

/**
 * Check whether folders with the names of parts are classes among others: "train" beside "bus" and "car", all without
 * folders.
 */
async function areClasses(walk: Walk, folders: readonly Entry[], found: readonly Entry[]): Promise<boolean> {
  const others = folders.filter((folder) => !found.includes(folder) && !isAside(folder.name));
  if (others.length === 0) return false;
  for (const { path } of [...found, ...others]) if (!(await isFlat(walk, path))) return false;
  return true;
}

async function planParts(walk: Walk, folders: readonly Entry[], found: readonly Entry[]): Promise<FolderPlan> {
  const { root } = walk;
  for (const entry of await walk.list(root)) if (entry.kind === "file") countFile(walk, entry);
  const parts = partsOfFolders(folders.map(({ name }) => name));
  const { train, test, unused } = chooseParts(
    found.map(({ name }) => name),
    parts,
  );
  for (const { name, path } of folders) {
    if (parts.has(name) || !(await walk.hasImages(path))) continue;
    if (isAside(name)) {
      walk.passed.add("folders of images that belong to no part", name);
      continue;
    }
    walk.fail(
      root,
      `${name}: expected only parts (train, val, test) or only class folders, got images beside the ${names(found)} part`,
    );
  }
  if (train.length === 0) {
    walk.fail(root, `${names(found)}: expected a folder train beside the test part`);
  }
  const at = (list: readonly string[]) => list.map((name) => join(root, name));
  return { kind: "parts", train: at(train), test: at(test), unused };
}

/** Return the folder within a wrapper that has parts or several folders of images; else null. */
async function wrapped(walk: Walk, folder: string): Promise<string | null> {
  let inner = folder;
  for (let depth = 0; depth < 8; depth++) {
    const holding: Entry[] = [];
    for (const entry of await walk.folders(inner)) if (await walk.hasImages(entry.path)) holding.push(entry);
    if (holding.length === 0) return null;
    if (holding.length > 1 || partOfFolder(holding[0]?.name as string)) return inner === folder ? null : inner;
    inner = holding[0]?.path as string;
  }
  return null;
}

/** Refuse class folders that cannot be classes. */
export async function checkClasses(walk: Walk, folder: string, folders: readonly Entry[]): Promise<void> {
  const holding: Entry[] = [];
  const generic = folders.every(({ name }) => isGenericName(name));
  for (const entry of folders) {
    if (await walk.hasImages(entry.path)) holding.push(entry);
    // Two are enough: a large data set is not listed twice.
    if (holding.length > 1 && !generic) break;
  }
  const inner = holding.length === 1 ? await wrapped(walk, folder) : null;
  if (inner !== null) {
    const where = `all images are in ${holding[0]?.name}`;
    walk.fail(folder, `expected at least two classes, got one: did you mean ${walk.shown(inner)}? (${where})`);
  }
  if (holding.length > 1 && holding.every(({ name }) => isGenericName(name))) {
    walk.fail(folder, `expected a folder of images for each class, got ${names(holding)}`);
  }
  await refusePartsInside(walk, folder, holding);
}

/** Refuse cats/train, cats/test, dogs/train ...: test images would be used for training. */
async function refusePartsInside(walk: Walk, folder: string, classes: readonly Entry[]): Promise<void> {
  for (const { name, path } of classes.slice(0, 3)) {
    const inside = (await walk.folders(path)).map((entry) => ({ ...entry, part: partOfFolder(entry.name)?.part }));
    const [train, test] = ["train", "test"].map((part) => inside.find((entry) => entry.part === part));
    if (!train || !test) continue;
    walk.fail(
      folder,
      `expected ${train.name}/${name} and ${test.name}/${name}, got parts within a class: ${name}/${train.name} and ${name}/${test.name}`,
    );
  }
}

/**
 * Return the folder of a part's class folders: the part's own, or one within it that holds everything, as in
 * train/train, seg_train/seg_train or val/images.
 */
export async function insidePart(walk: Walk, folder: string): Promise<string> {
  let inner = folder;
  for (let depth = 0; depth < 4; depth++) {
    const all = await walk.list(inner);
    const [only, ...more] = all.filter(({ kind }) => kind === "folder");
    const again = only?.name === basename(inner);
    const wraps = only !== undefined && (again || isGenericName(only.name) || partOfFolder(only.name) !== null);
    if (!wraps || more.length > 0 || all.some(({ name }) => hasImageExtension(name))) return inner;
    inner = only.path;
  }
  return inner;
}

/** Return the test parts beside a folder that is one part itself: they are not visible from within it. */
export async function partsBeside(walk: Walk): Promise<string[]> {
  if (!partOfFolder(basename(walk.root))) return [];
  const above = new Walk(dirname(walk.root), true);
  const folders = await above.folders(above.root).catch(() => []);
  return folders.map(({ name }) => name).filter((name) => partOfFolder(name)?.part === "test");
}
