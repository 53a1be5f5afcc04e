// Where a contact sheet goes, and the line that says so.
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { writeAtomic } from "../node.ts";
import type { Splits } from "../recipe/datasets.ts";
import { contactSheet } from "../report/contact_sheet.ts";
import type { Output } from "../terminal/output.ts";
import { printable } from "../terminal/terminal.ts";

/** A file of the system's temporary folder: looking at data leaves nothing among it, nor where one happens to stand. */
function sheetPath(splits: Splits): string {
  const { where = splits.layout } = splits.summary ?? {};
  const name = basename(resolve(where)).replaceAll(/[^\w.-]+/g, "_");
  // One for each user: the folder is everybody's.
  return join(tmpdir(), `espalier-${process.getuid?.() ?? "sheet"}-${name}.png`);
}

/** Writes the contact sheet of loaded data, and says where. Gives its path. */
export async function writeSheet(splits: Splits, out: Output, asked?: string): Promise<string> {
  const path = asked ?? sheetPath(splits);
  const { where = splits.layout } = splits.summary ?? {};
  const { png, classes } = await contactSheet(splits, `${where}: ${splits.train.classes.length} classes`);
  await writeAtomic(path, png);
  const some = classes < splits.train.classes.length ? `${classes} of the classes` : "each class";
  out.say(`  ${"sheet".padEnd(8)} ${printable(path)}: a few images of ${some}`);
  return path;
}
