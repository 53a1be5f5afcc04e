// The model file that a path means: itself, or the one in a run's folder.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../terminal/fail.ts";

const FILES = { sparse: "model.sparse.safetensors", dense: "model.safetensors" } as const;

/** Of a folder, the kind that is wanted first, else the other: they hold the same weights. Errors name the path. */
export function modelFile(path: string, first: keyof typeof FILES): string {
  if (!existsSync(path)) throw new UsageError(`${path}: no such file or directory`);
  if (!statSync(path).isDirectory()) return path;
  const names = first === "sparse" ? [FILES.sparse, FILES.dense] : [FILES.dense, FILES.sparse];
  const found = names.map((name) => join(path, name)).find((file) => existsSync(file));
  if (!found) throw new UsageError(`${path}: holds no ${FILES.dense}; has the run finished?`);
  return found;
}
