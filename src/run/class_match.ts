// The classes of a saved model set against those of the data that it meets: by name where both have names.
import {
  areNamed,
  type ImageBatches,
  isStreamed,
  type LoadOptions,
  type Module,
  matchClasses,
  nameList,
  Parameter,
  type SessionData,
} from "../index.ts";
import { classCounts } from "../report/data_summary.ts";
import { UsageError } from "../terminal/fail.ts";

/** What a model file says of its classes. */
export interface ModelClasses {
  /** Null where the file has no names. */
  readonly names: readonly string[] | null;
  /** Outputs; null where the file does not say. */
  readonly count: number | null;
}

/** Reads the classes of a model file's metadata. Errors: UsageError where they are damaged, or disagree with their number. */
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
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) {
    throw new UsageError(`${file}: its metadata "classNames" is damaged: expected a list of names`);
  }
  if (count !== null && count !== names.length) {
    throw new UsageError(`${file}: its metadata names ${names.length} classes, and says that there are ${count}`);
  }
  return { names: names as string[], count: names.length };
}

/** Why a prediction shows numbers for classes, in words. Errors: UsageError where the file's names are damaged. */
export function withoutNames(metadata: ReadonlyMap<string, string>, file: string, outputs: number): string {
  const { names } = modelClasses(metadata, file);
  return names === null
    ? `${file} names no classes: their numbers are shown`
    : `${file} names ${names.length} classes, the network has ${outputs} outputs: their numbers are shown`;
}

/** Both lists of classes, in the words of every refusal. */
const both = (model: readonly string[], data: readonly string[]) =>
  `the model's classes are ${nameList(model)}; the data's are ${nameList(data)}`;

/** A data set with other numbers for its classes. Batches are renumbered as they are read. */
export function relabelled(data: SessionData, map: Int32Array, classes: readonly string[]): SessionData {
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

export interface Matched {
  /** The data with the model's classes. */
  readonly data: SessionData;
  readonly notes: readonly string[];
}

/**
 * Data to test a saved model on, its classes numbered as the model's.
 *
 * Errors    UsageError with both lists: a class of the samples that the model does not have; more classes than outputs.
 */
export function matchToModel(data: SessionData, { names, count }: ModelClasses, file: string): Matched {
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
  if (outputs === null) return { data, notes: [`${file} names no classes: label i is taken for output i`] };
  if (own.length > outputs) {
    throw new UsageError(`${file}: the model has ${outputs} classes, the data has ${own.length}: ${nameList(own)}`);
  }
  const named = names !== null && areNamed(names);
  const without = named ? "the data has no class names" : `${file} names no classes`;
  const notes = named || areNamed(own) ? [`${without}: label i is taken for output i`] : [];
  if (own.length === outputs && !named) return { data, notes };
  const all = names ?? Array.from({ length: outputs }, (_, i) => String(i));
  return { data: relabelled(data, Int32Array.from(own.keys()), all), notes };
}

/** The path of the last layer, whose rows are the classes. */
function headPath(model: Module): string | null {
  const last = [...model.namedState()].findLast(([, tensor]) => tensor instanceof Parameter && tensor.prunable);
  return last ? last[0].slice(0, Math.max(0, last[0].lastIndexOf("."))) : null;
}

/**
 * How a saved model's last layer is taken over for data with these classes.
 *
 * Errors    UsageError with both lists: other names, without --new-head.
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
  if (!newHead) throw new UsageError(`${file}: ${both(names, classes)}; --new-head begins the last layer anew`);
  const path = headPath(model);
  return names.length === classes.length && path ? { skip: [path] } : head;
}
