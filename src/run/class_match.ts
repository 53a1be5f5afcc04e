// Matches the classes of a saved model with those of the data, by name if both have names.
import {
  areNamed,
  type ImageBatches,
  isStreamed,
  type LabelledImages,
  type LoadOptions,
  type Module,
  matchClasses,
  nameList,
  Parameter,
} from "../internal.ts";
import { classCounts } from "../report/data_summary.ts";
import { UsageError } from "../terminal/fail.ts";

/** Classes in the metadata of a model file. */
interface ModelClasses {
  /** Null if the file has no names. */
  readonly names: readonly string[] | null;
  /** Number of outputs; null if the file does not record it. */
  readonly count: number | null;
}

/** Read the classes from a model file's metadata. Errors: UsageError if they are corrupt, or do not match their count. */
export function modelClasses(metadata: ReadonlyMap<string, string>, file: string): ModelClasses {
  const text = metadata.get("classNames");
  const number = metadata.get("classes");
  const count = number !== undefined && /^\d+$/.test(number) ? Number(number) : null;
  if (text === undefined) return { names: null, count };
  let names: unknown;
  try {
    names = JSON.parse(text);
  } catch {
    names = null;
  }
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string"))
    throw new UsageError(`${file}: metadata "classNames": expected a list of names`);
  if (count !== null && count !== names.length)
    throw new UsageError(`${file}: metadata: expected ${count} class names, got ${names.length}`);
  return { names: names as string[], count: names.length };
}

/** Say why a prediction shows class numbers instead of names. Errors: UsageError if the file's names are corrupt. */
export function withoutNames(metadata: ReadonlyMap<string, string>, file: string, outputs: number): string {
  const { names } = modelClasses(metadata, file);
  return names === null
    ? `${file} has no class names: showing class numbers`
    : `${file} names ${names.length} classes, the network has ${outputs} outputs: showing class numbers`;
}

/** Name both lists of classes, for an error. */
const both = (model: readonly string[], data: readonly string[]) =>
  `expected the model's classes ${nameList(model)}, got ${nameList(data)}`;

/** Renumber the classes of a data set. Batches are renumbered as they are read. */
export function relabelled(data: LabelledImages, map: Int32Array, classes: readonly string[]): LabelledImages {
  if (!isStreamed(data)) {
    const labels = Int32Array.from(data.labels, (label) => map[label]!);
    return { ...data, labels, classes };
  }
  const { name, length, shape, mean, std } = data;
  return {
    ...{ name, length, shape, mean, std, classes },
    close: () => data.close(),
    batches(options): ImageBatches {
      const batches = data.batches(options);
      return {
        length: batches.length,
        recycle: (batch) => batches.recycle(batch),
        async *[Symbol.asyncIterator]() {
          for await (const batch of batches) {
            // In place: a reader takes back the batch that it gave.
            for (const [i, label] of batch.y.entries()) batch.y[i] = map[label]!;
            yield batch;
          }
        },
      };
    },
  };
}

interface Matched {
  /** The data, with the model's class numbers. */
  readonly data: LabelledImages;
  readonly notes: readonly string[];
}

/**
 * Number the classes of test data as the saved model does.
 *
 * Errors    UsageError with both lists, if a sample has a class that the model lacks, or there are more classes than outputs.
 */
export function matchToModel(data: LabelledImages, { names, count }: ModelClasses, file: string): Matched {
  const own = data.classes;
  if (names !== null && areNamed(names) && areNamed(own)) {
    const { map, same, unknown, unused } = matchClasses(own, names);
    const counts = classCounts(data);
    const met = unknown.filter((name) => counts[own.indexOf(name)]! > 0);
    if (met.length > 0) throw new UsageError(`${file}: ${both(names, own)}`);
    if (same && unused.length === 0) return { data, notes: [] };
    const few = unused.length > 0 ? `; no samples of ${nameList(unused)}` : "";
    return { data: relabelled(data, map, names), notes: [`classes matched by name${few}`] };
  }
  const outputs = names?.length ?? count;
  if (outputs === null) return { data, notes: [`${file} has no class names: label i is matched with output i`] };
  if (own.length > outputs) {
    const problem = `${file}: expected at most ${outputs} classes, as the model has, got ${own.length}: ${nameList(own)}`;
    throw new UsageError(problem);
  }
  const named = names !== null && areNamed(names);
  const without = named ? "the data has no class names" : `${file} has no class names`;
  const notes = named || areNamed(own) ? [`${without}: label i is matched with output i`] : [];
  if (own.length === outputs && !named) return { data, notes };
  const all = names ?? Array.from({ length: outputs }, (_, i) => String(i));
  return { data: relabelled(data, Int32Array.from(own.keys()), all), notes };
}

/** Return the path of the last layer, whose rows are the classes. */
function headPath(model: Module): string | null {
  const last = [...model.namedState()].findLast(([, tensor]) => tensor instanceof Parameter && tensor.prunable);
  return last ? last[0].slice(0, Math.max(0, last[0].lastIndexOf("."))) : null;
}

/**
 * Decide how to load a saved model's last layer for data with these classes.
 *
 * Errors    UsageError with both lists, if the names differ and --new-head is absent.
 */
export function headOptions(
  model: Module,
  metadata: ReadonlyMap<string, string>,
  { file, classes, newHead }: { readonly file: string; readonly classes: readonly string[]; readonly newHead: boolean },
): LoadOptions {
  const { names } = modelClasses(metadata, file);
  const head: LoadOptions = newHead ? { head: "new" } : {};
  if (names === null || !areNamed(names) || !areNamed(classes)) return head;
  const { same, unused } = matchClasses(classes, names);
  if (same && unused.length === 0) return head;
  if (!newHead) throw new UsageError(`${file}: ${both(names, classes)}; --new-head re-initialises the last layer`);
  const path = headPath(model);
  return names.length === classes.length && path ? { skip: [path] } : head;
}
