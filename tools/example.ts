// `npm run -s example -- NAME [flags]`: runs examples/NAME.ts with the flags.
import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = resolve(import.meta.dirname, "../examples");
const names = readdirSync(folder).flatMap((file) => (file.endsWith(".ts") ? [file.replace(".ts", "")] : []));
const [name = "none"] = process.argv.splice(2, 1);
if (names.includes(name)) {
  await import(pathToFileURL(join(folder, `${name}.ts`)).href);
} else {
  console.error(`example: expected one of ${names.join(", ")}, got ${name}`);
  process.exitCode = 2;
}
