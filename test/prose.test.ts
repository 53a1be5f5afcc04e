// Holds the style guide of CONTRIBUTING.md where a list of phrases can: comments, messages, help texts and documents.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const folders = ["src", "shaders", "demo", "tools", "bench", "examples", "test", "docs", "recipes"];
const pages = ["README.md", "CHANGELOG.md"];
/** Fixtures and recorded results, which programs wrote; this file, which names the phrases. */
const excluded = /(^|\/)(node_modules|golden|results)\/|prose\.test\.ts$/;

/** A doc comment begins with an imperative verb or a noun phrase, not with a question word. */
const opener = /^(What|Whether|Of|Who|Whose|How|Whatever|Whoever)\b/;
/** Phrases that give things a mind, and words that are out of use. */
const phrases = new RegExp(
  `\\b(${[
    "anew|by lot|nobody|somebody|whoever|whence|thereof|so many|sooner or later|at hand",
    "wants|wanted(?!:)|(?:is|are|was|were) told|(?:was|were) given|hears?|heard|speaks?|spoken|knows?",
    "passed over|passing over|of (?:its|their) own|complain(?:s|ed|ts?)?|ours",
  ].join("|")})\\b`,
  "i",
);

function files(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name}`)
    .filter((name) => /\.(ts|wgsl|md|yaml|html)$/.test(name) && !excluded.test(name));
}

/** The prose of a line: a comment, or the texts in quotes that have a space. A page is prose as a whole, but for its code. */
function proseOf(text: string, page: boolean): string {
  // Names in a template or in backticks are code.
  const line = text.replace(/\$\{[^}]*\}/g, "");
  if (page) return line.replace(/`[^`]*`/g, "");
  const comment = /^\s*(?:\/\*\*|\/\/|\*)\s*(.*)/.exec(line.replace(/`[^`]*`/g, ""))?.[1];
  if (comment !== undefined) return comment;
  if (/^\s*(import|export \{)/.test(line)) return "";
  return [...line.matchAll(/"([^"]*\s[^"]*)"|`([^`]*\s[^`]*)`|\s\/\/\s(.*)$/g)]
    .map((m) => m[1] ?? m[2] ?? m[3])
    .join(" ");
}

function breaches(name: string): string[] {
  const page = /\.(md|html)$/.test(name);
  const found: string[] = [];
  let code = false;
  for (const [i, line] of readFileSync(join(root, name), "utf8").split("\n").entries()) {
    if (page && line.startsWith("```")) code = !code;
    if (code) continue;
    const prose = proseOf(line, page);
    const first = /^\s*\/\*\*/.test(line) || (i === 0 && line.startsWith("//")) ? opener.exec(prose)?.[0] : undefined;
    const phrase = first ?? phrases.exec(prose)?.[0];
    if (phrase !== undefined) found.push(`${name}:${i + 1}: "${phrase}" in ${prose.trim().slice(0, 120)}`);
  }
  return found;
}

test.each([...folders, "pages"])("%s: plain English", (folder) => {
  const names = folder === "pages" ? pages : files(folder);
  expect(names.flatMap(breaches)).toEqual([]);
});
