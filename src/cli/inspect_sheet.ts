// Writes the contact sheet of loaded data, and prints its path.
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { isArrays } from "../internal.ts";
import { writeAtomic } from "../node_internal.ts";
import type { Splits } from "../recipe/splits.ts";
import { contactSheet } from "../report/contact_sheet.ts";
import { makeIfInstalled } from "../run/optional_part.ts";
import { UsageError } from "../terminal/fail.ts";
import type { Output } from "../terminal/output.ts";
import { printable } from "../terminal/terminal.ts";

/** Return a file in the system's temporary folder: neither the data nor the current folder is written to. */
function sheetPath(splits: Splits): string {
  const { where = splits.layout } = splits.summary ?? {};
  const name = basename(resolve(where)).replaceAll(/[^\w.-]+/g, "_");
  // One per user, since users share the folder.
  return join(tmpdir(), `espalier-${process.getuid?.() ?? "sheet"}-${name}.png`);
}

/**
 * Write the contact sheet of loaded data, and print its path. Returns the path. If a package is missing, a sheet that was
 * asked for is an error, and the usual one is left out with a note.
 */
export async function writeSheet(splits: Splits, out: Output, asked?: string): Promise<string | null> {
  const { train, test } = splits;
  if (isArrays(train) || isArrays(test)) {
    if (asked !== undefined) throw new UsageError("--sheet: is for images and events, the data is table");
    return null;
  }
  const path = asked ?? sheetPath(splits);
  const { where = splits.layout } = splits.summary ?? {};
  const draw = () => contactSheet({ train, test }, `${where}: ${splits.train.classes.length} classes`);
  const sheet = asked === undefined ? await makeIfInstalled(out, draw) : await draw();
  if (sheet === null) return null;
  const { png, classes } = sheet;
  await writeAtomic(path, png);
  const some = classes < splits.train.classes.length ? `${classes} of the classes` : "each class";
  out.say(`  ${"sheet".padEnd(8)} ${printable(path)}: a few images of ${some}`);
  return path;
}

/** Write the sheet that a dry run draws. Returns it for the record; empty for data without images. */
export const sheetOf = async (splits: Splits, out: Output): Promise<{ readonly sheet?: string | null }> =>
  isArrays(splits.train) ? {} : { sheet: await writeSheet(splits, out) };
