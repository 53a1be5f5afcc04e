// The texts of the demo: every language has the same keys and places, and the page's code has no other texts for people.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { en, type TextKey } from "../../../demo/texts/en.ts";
import { writeTexts } from "../../../demo/texts/html_texts.ts";
import { fill, languageOf, named, setLanguage, t } from "../../../demo/texts/text.ts";
import { zh } from "../../../demo/texts/zh.ts";
import { laneNames } from "../../../demo/ui/lane_names.ts";
import { layerNames } from "../../../demo/ui/layer_names.ts";

const demo = resolve(import.meta.dirname, "../../../demo");
const scripts = ["main.ts", ...["ui", "stage", "story"].flatMap(scriptsIn)];
const pages = readdirSync(demo).filter((name) => name.endsWith(".html") && name !== "bench.html");

function scriptsIn(folder: string): string[] {
  if (!existsSync(join(demo, folder))) return [];
  return readdirSync(join(demo, folder))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`);
}

const read = (name: string): string => readFileSync(join(demo, name), "utf8");

/** Return the names of the places of a text, sorted. */
const places = (text: string): string[] => [...text.matchAll(/\{(\w+)/g)].map(([, name]) => name!).sort();

describe("languages", () => {
  test("all have the same keys in the same order, and the same places", () => {
    expect(Object.keys(zh)).toEqual(Object.keys(en));
    for (const key of Object.keys(en) as TextKey[]) {
      expect([key, ...new Set(places(zh[key]))]).toEqual([key, ...new Set(places(en[key]))]);
      expect(zh[key].trim()).not.toBe("");
    }
  });

  test("a page names only keys that exist, and contains their English texts", () => {
    for (const page of pages) {
      const html = writeTexts(read(page));
      expect(html).not.toContain("{{");
      expect(html.match(/<html lang="en">/)).not.toBeNull();
    }
    expect(writeTexts('<p id="a">{{page.brand}}</p>')).toBe('<p id="a" data-text="page.brand">Espalier</p>');
    expect(writeTexts('<p aria-label="{{page.brand}}"></p>')).toBe(
      '<p aria-label="Espalier" data-label="page.brand"></p>',
    );
    expect(() => writeTexts("<p>{{no.such}}</p>")).toThrow("no.such");
  });

  test("the language is that of the address, else the first known one of the browser, else English", () => {
    expect(languageOf("?lang=zh", ["en-GB"])).toBe("zh");
    expect(languageOf("?lang=fr", ["zh-Hant-TW", "en"])).toBe("zh");
    expect(languageOf("", ["fr", "de-CH"])).toBe("en");
    expect(languageOf("?lang=constructor", [])).toBe("en");
  });

  test("fills places with values and plural forms, and leaves unknown places", () => {
    const text = "{n} {n:picture|pictures} of {name}, {other}";
    expect(fill(text, { n: 1, name: "a $& b" }, "en")).toBe("1 picture of a $& b, {other}");
    expect(fill(text, { n: 1200, name: "x" }, "en")).toBe("1,200 pictures of x, {other}");
    expect(fill("{n:one}", { n: 3 }, "zh")).toBe("one");
    expect(named("method", "lats")).toBe("LATS");
    expect(named("method", "toString")).toBe("toString");
  });

  test("setLanguage loads the texts of another language", async () => {
    await setLanguage("zh");
    expect(t("lane.pruned")).toBe(zh["lane.pruned"]);
    await setLanguage("en");
    expect(t("lane.pruned")).toBe("Pruned");
  });
});

/** Code in front of a string that is not shown: imports, selectors, events, messages for programmers, keys of texts. */
const SILENT =
  /(\b(from|import)\s*\(?|\b(find|querySelector|querySelectorAll|addEventListener|Error|named|setAttribute|getContext)(<[^()]*>)?\()\s*$/;
/** Code in front of a class name. */
const CLASS = /\b(make\("\w+", |pictureCanvas\(.*, |classList\.\w+\(|className = )(\w+ \? |"[^"]*" : )?$/;

/** Return true if a string can be an English text: two words, or a capitalised one. */
const isText = (text: string): boolean =>
  /[A-Za-z]{2,}[,.:;]? [A-Za-z]{2,}/.test(text) || /^[A-Z][a-z]{2,}$/.test(text);

function textsIn(name: string, script = read(name)): string[] {
  const code = script.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
  return code.split("\n").flatMap((line) =>
    [...line.replace(/\\"/g, "").matchAll(/"([^"]*)"|`([^`]*)`/g)].flatMap((match) => {
      const text = (match[1] ?? match[2] ?? "").replace(/\$\{[^}]*\}/g, "");
      const before = line.slice(0, match.index);
      return isText(text) && !SILENT.test(before) && !CLASS.test(before) ? [`${name}: ${text}`] : [];
    }),
  );
}

/** Strings that only look like texts: keys of the keyboard, kinds of data, fonts, media queries. */
const NO_TEXTS = /: (Enter|Escape|Home|End|Tab|Space|Arrow\w+|Page\w+|Files|.*px system-ui.*|\(prefers-.*)$/;

test("no text for people is left in the page's code", () => {
  expect(textsIn("a", 'setText(box, `Step of all`); // no text\nfind("p .close");\nbutton("Start")')).toEqual([
    ...["a: Step of all", "a: Start"],
  ]);
  expect(scripts.flatMap((name) => textsIn(name)).filter((found) => !NO_TEXTS.test(found))).toEqual([]);
});

test("every text is used", () => {
  const sources = [...scripts, "texts/page_texts.ts", ...pages].map(read).join("\n");
  const families = [...sources.matchAll(/`([\w-]+)\.(?:[\w-]+)?\$\{/g)].map(([, family]) => `${family}.`);
  const known = ["method.", "model.", "data.", "precision.", "form.", "file.", ...families];
  const unused = Object.keys(en).filter(
    (key) => !sources.includes(key) && !known.some((family) => key.startsWith(family)),
  );
  expect(unused).toEqual([]);
});

describe("names", () => {
  const layer = (name: string, ...shape: number[]) => ({ name, shape });

  test("layers are named by kind and order", () => {
    const lenet = [
      layer("0.weight", 8, 1, 5, 5),
      layer("3.weight", 16, 8, 5, 5),
      layer("7.weight", 128, 784),
      layer("9.weight", 10, 128),
    ];
    expect(layerNames(lenet)).toEqual(["First convolution", "Convolution 2", "Fully connected", "Output layer"]);
    const others = [
      layer("conv1.weight", 8, 1, 3, 3),
      layer("a.depthwise.weight", 8, 1, 3, 3),
      layer("a.pointwise.weight", 16, 8, 1, 1),
      layer("layer2.0.downsample.0.weight", 16, 8, 1, 1),
      layer("fc.weight", 10, 16),
    ];
    expect(layerNames(others)).toEqual([
      "First convolution",
      "Depthwise convolution 1",
      "1 × 1 convolution 1",
      "Shortcut 1",
      "Fully connected",
    ]);
  });

  test("the two networks have plain and different names", () => {
    expect(laneNames(["lats", "dense"])).toEqual(["Pruned", "Not pruned"]);
    expect(laneNames(["lats"])).toEqual(["Pruned"]);
    expect(laneNames(["lats", "pgh"])).toEqual(["Pruned by LATS", "Pruned by PGH"]);
    expect(laneNames(["gmp", "gmp"])).toEqual(["Pruned by GMP (1)", "Pruned by GMP (2)"]);
    expect(laneNames(["dense", "dense"])).toEqual(["Not pruned (1)", "Not pruned (2)"]);
  });
});
