// Results of `bench:isa` as JSON: one file for one GPU, a line per kernel.
import { readFile } from "node:fs/promises";
import { IsaError } from "./command.ts";
import type { KernelRecord } from "./record.ts";

export interface IsaResults {
  readonly format: 1;
  /** Vendor and model, as `amd navi31`. */
  readonly gpu: string;
  /** Version of the Debian package of Mesa. */
  readonly mesa: string;
  readonly started: string;
  readonly commit: string;
  readonly kernels: readonly KernelRecord[];
}

/** Write results with a line per kernel, so that versions of a file are easy to compare. */
export function formatIsa(results: IsaResults): string {
  const { kernels, ...head } = results;
  const lines = kernels.map((record) => `    ${JSON.stringify(record)}`);
  const text = JSON.stringify(head, null, 2).replace(/\n\}$/, "");
  return `${text},\n  "kernels": [\n${lines.join(",\n")}\n  ]\n}\n`;
}

/** Read results. Errors: IsaError names the file. */
export async function readIsa(file: string): Promise<IsaResults> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new IsaError(`${file}: cannot be read (${cause.code ?? cause.message})`);
  });
  let value: IsaResults;
  try {
    value = JSON.parse(text) as IsaResults;
  } catch {
    throw new IsaError(`${file}: expected JSON of bench:isa, got other text`);
  }
  if (value?.format !== 1 || !Array.isArray(value.kernels))
    throw new IsaError(`${file}: expected JSON of bench:isa with format 1, got another file`);
  return value;
}
