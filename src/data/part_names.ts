// Which part of a data set a folder or a file is, by its name: the one place that knows the words people use.

/** What a network learns from, or what it is tested on. */
export type Part = "train" | "test";

export interface PartName {
  readonly part: Part;
  /** The word that says so, in small letters. */
  readonly word: string;
}

const TRAIN_WORDS = ["train", "training", "trn", "trainval"] as const;
/** In order of preference: where several are there, testing takes the first, so that a `test` stays unseen. */
const TEST_WORDS = [
  ...["val", "validation", "valid", "dev", "eval", "evaluation", "heldout", "holdout"],
  ...["test", "testing", "tst", "t10k"],
] as const;
const RANK = new Map<string, number>([...TRAIN_WORDS, ...TEST_WORDS].map((word, i) => [word, i]));

/** Words that say nothing of parts and nothing of classes. */
const NEUTRAL = new Set(
  "set sets data dataset datasets image images img imgs jpg jpeg png jpegs pngs jpegimages split splits part parts folder dir files file photo photos picture pictures shard shards original raw full all".split(
    " ",
  ),
);
/** Folders beside the images that hold no images to learn from: masks, boxes, what a competition wants predicted. */
const ASIDE = new Set(
  "label labels annotation annotations anno annots mask masks groundtruth segmentation segmentations bbox boxes metadata meta docs doc extra extras unsupervised unlabeled unlabelled pred preds predict prediction predictions sample samples preview previews submission logs".split(
    " ",
  ),
);
const GLUED = new RegExp(`^(${[...RANK.keys()].join("|")})(set|data|dataset|images|imgs|split|part|folder)$`);

const partOf = (word: string): Part => ((TRAIN_WORDS as readonly string[]).includes(word) ? "train" : "test");

/** The words of a name: split at all but letters, and where a small letter meets a capital; single letters left out. */
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

/** The part that words tell; null when they tell none, or both. */
function told(words: readonly string[]): PartName | null {
  const found = partWords(words);
  const [word] = found.sort((a, b) => RANK.get(a)! - RANK.get(b)!);
  if (word === undefined || new Set(found.map(partOf)).size > 1) return null;
  return { part: partOf(word), word };
}

/** Whether a folder's name is one of no class and no part: `images`, `masks`, `dataset`. */
export const isGenericName = (name: string): boolean => {
  const words = wordsOf(name);
  return words.length > 0 && words.every((word) => NEUTRAL.has(word) || ASIDE.has(word));
};

/** Whether a folder lies beside the parts and belongs to none: annotations, extra images, a competition's samples. */
export const isAside = (name: string): boolean => wordsOf(name).some((word) => ASIDE.has(word));

/** The part that a folder's name tells: train, Training_Set, val2017, train.X1; null for train_station, and for train_val. */
export function partOfFolder(name: string): PartName | null {
  const words = wordsOf(name);
  return words.every((word) => RANK.has(word) || NEUTRAL.has(word)) ? told(words) : null;
}

/**
 * The parts that the names of sibling folders tell. A further word is taken for the data set's name where two siblings differ
 * in the part alone: seg_train, seg_test; imagenettrain, imagenetval.
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
  /** The name without its part. */
  readonly rest: string;
}

/** What is left of a name that is glued to a part has so many letters: "trainer" and "tester" are no parts of "er". */
const SHORTEST_GLUED = 3;

/** The parts that a name may tell beside a further word; of imagenettrain, where no word stands alone, what it begins or ends with. */
function readings(name: string): Reading[] {
  const words = wordsOf(name);
  if (partWords(words).length > 0) {
    const part = told(words);
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

/** What is left of names without their parts, where it is there to train and to test: cats_train and cats_test give "cats". */
export function pairedRests(names: readonly string[]): string[] {
  const rests = new Map<string, Set<Part>>();
  for (const name of names) {
    for (const { part, rest } of readings(name)) {
      if (rest !== "") rests.set(rest, (rests.get(rest) ?? new Set()).add(part.part));
    }
  }
  return [...rests].filter(([, parts]) => parts.size === 2).map(([rest]) => rest);
}

export interface FileParts {
  readonly parts: ReadonlyMap<string, PartName>;
  /** Files whose names tell both parts. */
  readonly both: readonly string[];
  /** Files that belong to no part by their names: samples, extra. */
  readonly aside: readonly string[];
}

/**
 * The parts that the paths of files tell, wherever in them: imagenet-train-000000.tar, val/000.tar,
 * data/validation-00000-of-00001.parquet. Words that all paths have tell nothing, where others do.
 */
export function partsOfFiles(paths: readonly string[]): FileParts {
  const stems = paths.map((path) => path.replace(/\.(tar|parquet)$/i, ""));
  const words = stems.map(wordsOf);
  const found = words.map((list) => new Set(partWords(list)));
  const common = [...(found[0] ?? [])].filter((word) => found.every((set) => set.has(word)));
  const telling = found.some((set) => set.size > common.length);
  const parts = new Map<string, PartName>();
  const both: string[] = [];
  const aside: string[] = [];
  for (const [i, path] of paths.entries()) {
    const own = [...found[i]!].filter((word) => !telling || !common.includes(word));
    const part = told(own);
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

export interface ChosenParts {
  /** Names to train with, in their order. */
  readonly train: readonly string[];
  readonly test: readonly string[];
  /** Names of parts that nothing uses, as a test where there is a val. */
  readonly unused: readonly string[];
}

/** Of the names, those of the first word to train with that is there, and of the first to test with. */
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
