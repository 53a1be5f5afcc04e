// Finds the part of a data set, train or test, by the names of folders and files.

/** A part of a data set. */
type Part = "train" | "test";

interface PartName {
  readonly part: Part;
  /** Word of the name, in lower case. */
  readonly word: string;
}

const TRAIN_WORDS = ["train", "training", "trn", "trainval"] as const;
/** In order of preference: the first one present is used, so that a `test` stays unseen if there is a `val`. */
const TEST_WORDS = [
  ...["val", "validation", "valid", "dev", "eval", "evaluation", "heldout", "holdout"],
  ...["test", "testing", "tst", "t10k"],
] as const;
const RANK = new Map<string, number>([...TRAIN_WORDS, ...TEST_WORDS].map((word, i) => [word, i]));

/** Words that name neither a part nor a class. */
const NEUTRAL = new Set(
  "set sets data dataset datasets image images img imgs jpg jpeg png jpegs pngs jpegimages split splits part parts folder dir files file photo photos picture pictures shard shards original raw full all".split(
    " ",
  ),
);
/** Folders beside the images without training images: masks, boxes, images to predict. */
const ASIDE = new Set(
  "label labels annotation annotations anno annots mask masks groundtruth segmentation segmentations bbox boxes metadata meta docs doc extra extras unsupervised unlabeled unlabelled pred preds predict prediction predictions sample samples preview previews submission logs".split(
    " ",
  ),
);
const GLUED = new RegExp(`^(${[...RANK.keys()].join("|")})(set|data|dataset|images|imgs|split|part|folder)$`);

const partOf = (word: string): Part => ((TRAIN_WORDS as readonly string[]).includes(word) ? "train" : "test");

/** Split a name into words: at non-letters and between lower and upper case; single letters are dropped. */
function wordsOf(name: string): string[] {
  const text = name.normalize("NFKC").replaceAll(/t10k/gi, " t_ten_k ");
  return text
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .replaceAll("t_ten_k", "ttenk")
    .split(/[^\p{L}]+/u)
    .map((word) => (word === "ttenk" ? "t10k" : word.toLowerCase()))
    .map((word) => GLUED.exec(word)?.[1] ?? word)
    .filter((word) => word.length > 1);
}

const partWords = (words: readonly string[]): string[] => words.filter((word) => RANK.has(word));

/** Return the part that words name; null if they name none or both. */
function namedPart(words: readonly string[]): PartName | null {
  const found = partWords(words);
  const [word] = found.sort((a, b) => RANK.get(a)! - RANK.get(b)!);
  if (word === undefined || new Set(found.map(partOf)).size > 1) return null;
  return { part: partOf(word), word };
}

/** Return true if a folder's name names neither a class nor a part: `images`, `masks`, `dataset`. */
export const isGenericName = (name: string): boolean => {
  const words = wordsOf(name);
  return words.length > 0 && words.every((word) => NEUTRAL.has(word) || ASIDE.has(word));
};

/** Return true if a folder belongs to no part: annotations, extra images, samples of a competition. */
export const isAside = (name: string): boolean => wordsOf(name).some((word) => ASIDE.has(word));

/** Return the part of a folder by its name: train, Training_Set, val2017, train.X1; null for train_station and train_val. */
export function partOfFolder(name: string): PartName | null {
  const words = wordsOf(name);
  return words.every((word) => RANK.has(word) || NEUTRAL.has(word)) ? namedPart(words) : null;
}

/**
 * Return the parts of sibling folders by their names. Two names may share a further word if they differ only in the part:
 * seg_train, seg_test; imagenettrain, imagenetval.
 */
export function partsOfFolders(names: readonly string[]): ReadonlyMap<string, PartName> {
  const parts = new Map<string, PartName>();
  for (const name of names) {
    const part = partOfFolder(name);
    if (part) parts.set(name, part);
  }
  if (parts.size > 0) return parts;
  const [only, ...more] = pairedRests(names);
  if (only === undefined || more.length > 0) return parts;
  for (const name of names) {
    const found = readings(name).find(({ rest }) => rest === only);
    if (found) parts.set(name, found.part);
  }
  return parts;
}

interface Reading {
  readonly part: PartName;
  /** Name without the part. */
  readonly rest: string;
}

/** Fewest letters of a name joined to a part: "trainer" and "tester" are not parts of "er". */
const SHORTEST_GLUED = 3;

/** Return the possible parts of a name with a further word; a single word such as imagenettrain may start or end with a part. */
function readings(name: string): Reading[] {
  const words = wordsOf(name);
  if (partWords(words).length > 0) {
    const part = namedPart(words);
    return part ? [{ part, rest: words.filter((word) => !RANK.has(word) && !NEUTRAL.has(word)).join(" ") }] : [];
  }
  const letters = words.join("");
  return [...RANK.keys()]
    .filter((word) => letters.startsWith(word) || letters.endsWith(word))
    .map((word) => ({
      part: { part: partOf(word), word },
      rest: letters.startsWith(word) ? letters.slice(word.length) : letters.slice(0, -word.length),
    }))
    .filter(({ rest }) => rest.length >= SHORTEST_GLUED);
}

/** Return the names without their parts that occur in both parts: cats_train and cats_test give "cats". */
export function pairedRests(names: readonly string[]): string[] {
  const rests = new Map<string, Set<Part>>();
  for (const name of names) {
    for (const { part, rest } of readings(name)) {
      if (rest !== "") rests.set(rest, (rests.get(rest) ?? new Set()).add(part.part));
    }
  }
  return [...rests].filter(([, parts]) => parts.size === 2).map(([rest]) => rest);
}

interface FileParts {
  readonly parts: ReadonlyMap<string, PartName>;
  /** Files whose names name both parts. */
  readonly both: readonly string[];
  /** Files that belong to no part by their names: samples, extra. */
  readonly aside: readonly string[];
}

/**
 * Return the parts of files by any word of their paths: imagenet-train-000000.tar, val/000.tar,
 * data/validation-00000-of-00001.parquet. Words common to all paths are ignored if other words name parts.
 */
export function partsOfFiles(paths: readonly string[]): FileParts {
  const stems = paths.map((path) => path.replace(/\.(tar|parquet)$/i, ""));
  const words = stems.map(wordsOf);
  const found = words.map((list) => new Set(partWords(list)));
  const common = [...(found[0] ?? [])].filter((word) => found.every((set) => set.has(word)));
  const distinct = found.some((set) => set.size > common.length);
  const parts = new Map<string, PartName>();
  const both: string[] = [];
  const aside: string[] = [];
  for (const [i, path] of paths.entries()) {
    const own = [...found[i]!].filter((word) => !distinct || !common.includes(word));
    const part = namedPart(own);
    if (part) parts.set(path, part);
    else if (own.length > 0) both.push(path);
    else if (words[i]!.some((word) => ASIDE.has(word))) aside.push(path);
  }
  if (parts.size === 0 && both.length === 0) {
    const paired = partsOfFolders(stems);
    for (const [i, path] of paths.entries()) {
      const part = paired.get(stems[i]!);
      if (part) parts.set(path, part);
    }
  }
  return { parts, both, aside };
}

interface ChosenParts {
  /** Names of the training part, in their order. */
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** Names of unused parts, such as a test beside a val. */
  readonly unused: readonly string[];
}

/** Choose the names of the most preferred train word present, and of the most preferred test word. */
export function chooseParts(names: readonly string[], parts: ReadonlyMap<string, PartName>): ChosenParts {
  const pick = (part: Part): string[] => {
    const of = names.filter((name) => parts.get(name)?.part === part);
    const best = Math.min(...of.map((name) => RANK.get(parts.get(name)?.word as string) as number));
    return of.filter((name) => RANK.get(parts.get(name)?.word as string) === best);
  };
  const [train, test] = [pick("train"), pick("test")];
  const used = new Set([...train, ...test]);
  return { train, test, unused: names.filter((name) => parts.has(name) && !used.has(name)) };
}
