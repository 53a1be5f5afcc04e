// Builds pages with Vite's defaults, as a user's project would.
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { must } from "../../../src/setup/command.ts";

const command = join(dirname(createRequire(import.meta.url).resolve("vite/package.json")), "bin/vite.js");

/** Return a page without content that runs a script. */
export const html = (script: string, head = ""): string =>
  `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title></title>${head}</head>\n` +
  `<body><script type="module" src="${script}"></script></body></html>\n`;

/** Build the page of a folder into its `dist`. Returns Vite's warnings: nothing. Errors: SetupError. */
export async function viteBuild(folder: string): Promise<string> {
  const env = { NODE_ENV: "production" }; // the tests' value would change the build
  const args = [command, "build", "--logLevel", "warn"];
  return (await must("cannot build the page", process.execPath, args, { cwd: folder, env, seconds: 60 })).output;
}
