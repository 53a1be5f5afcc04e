// Records loss, metrics and hidden layers of a run in its model file, so that `eval` and `predict` build and test it as the run did.
import { z } from "zod";
import { UsageError } from "../terminal/fail.ts";
import { defined } from "../text/index.ts";
import type { Recipe } from "./settings.ts";

const SAVED = z.object({
  loss: z.string().optional(),
  metrics: z.array(z.string()).optional(),
});
const HIDDEN = z.object({ layers: z.int().min(0).optional(), width: z.int().min(1).optional() });

/** Return the metadata of loss and metrics; empty for a run with the default ones. */
export function objectiveMetadata({ loss, metrics }: Pick<Recipe, "loss" | "metrics">): Record<string, string> {
  const given = defined({ loss, metrics });
  return Object.keys(given).length > 0 ? { objective: JSON.stringify(given) } : {};
}

/** Return the metadata of an mlp; empty for its default form and for other models. */
export function mlpMetadata({ model: { layers, width } }: Pick<Recipe, "model">): Record<string, string> {
  const given = defined({ layers, width });
  return Object.keys(given).length > 0 ? { hidden: JSON.stringify(given) } : {};
}

function read<T>(schema: z.ZodType<T>, key: string, text: string | undefined, file: string): T | Record<string, never> {
  if (text === undefined) return {};
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    throw new UsageError(`${file}: its metadata "${key}" is corrupt: ${text.slice(0, 80)}`);
  }
}

/** Read what objectiveMetadata wrote. Throws UsageError if it is corrupt. */
export const readObjectiveMetadata = (
  metadata: ReadonlyMap<string, string>,
  file: string,
): Partial<z.infer<typeof SAVED>> => read(SAVED, "objective", metadata.get("objective"), file);

/** Read what mlpMetadata wrote. Throws UsageError if it is corrupt. */
export const readMlpMetadata = (metadata: ReadonlyMap<string, string>, file: string): Partial<z.infer<typeof HIDDEN>> =>
  read(HIDDEN, "hidden", metadata.get("hidden"), file);
