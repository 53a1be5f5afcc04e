// `npm run example NAME [-- flags]`: runs examples/NAME.ts, or serves examples/NAME.html. Without a name: lists the examples.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = resolve(import.meta.dirname, "../examples");
const files = readdirSync(folder).filter((file) => /\.(ts|html)$/.test(file));
const nameOf = (file: string): string => file.replace(/\.\w+$/, "");

/** Return the first sentence of an example's comment. */
function purpose(file: string): string {
  const text = readFileSync(join(folder, file), "utf8");
  const comment = /<!--([\s\S]*?)-->/.exec(text)?.[1] ?? /^(?:\/\/.*\n)+/.exec(text)![0].replaceAll(/^\/\/ ?/gm, "");
  return comment
    .replaceAll(/\s+/g, " ")
    .trim()
    .split(/(?<=\.) /)[0]!;
}

const [name = ""] = process.argv.splice(2, 1);
const file = files.find((each) => nameOf(each) === name);
if (file?.endsWith(".html")) {
  const { servePage } = await import("./serve_page.ts");
  await servePage(`examples/${file}`);
} else if (file) {
  await import(pathToFileURL(join(folder, file)).href);
} else if (name === "") {
  const width = Math.max(...files.map((each) => nameOf(each).length));
  console.log("npm run example NAME [-- flags], where NAME is one of\n");
  for (const each of files) console.log(`  ${nameOf(each).padEnd(width)}  ${purpose(each)}`);
} else {
  console.error(`example: expected one of ${files.map(nameOf).join(", ")}, got ${name}`);
  process.exitCode = 2;
}
