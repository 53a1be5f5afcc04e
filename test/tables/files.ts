// Files of numbers for tests.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTable, type TableOptions } from "../../src/tables/index.ts";

/** A folder that is removed at the end of a block. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "espalier-table-"));

  /** Write a file; return its path. */
  file(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true });
  }
}

const DEFAULTS: TableOptions = { heldOut: 0.25, splitSeed: 0, standardise: false, labels: false };

/** Open a table with defaults for what is not given. */
export const open = (path: string, options: Partial<TableOptions> = {}) => openTable(path, { ...DEFAULTS, ...options });

/** The message of a refusal, without the path of the temporary folder. */
export async function refusal(path: string, options: Partial<TableOptions> = {}): Promise<string> {
  try {
    await open(path, options);
  } catch (error) {
    return (error as Error).message.replaceAll(/\S*espalier-table-\w+\/?/g, "");
  }
  return "not refused";
}
