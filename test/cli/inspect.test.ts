// `espalier inspect`: the summary of data of every kind, and a sheet of its images.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runInspect } from "../../src/cli/inspect.ts";
import { loadSplits } from "../../src/recipe/datasets.ts";
import { colours } from "../../src/report/contact_sheet.ts";
import { summaryLines } from "../../src/report/data_summary.ts";
import { writeFiles } from "../images/files.ts";
import { squaresFolder } from "../support/idx_folder.ts";
import { jpegFolder } from "../support/jpeg_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-inspect-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);

beforeAll(async () => {
  await jpegFolder(at("photos"), { perClass: 4, valPerClass: 1, sides: [24, 30], classes: ["dots", "rings"] });
  writeFiles(at("photos"), { "train/dots/a.bmp": "x", "notes.md": "x" });
  squaresFolder(at("idx"), 40, 12);
});

async function inspect(flags: Parameters<typeof runInspect>[0]) {
  const lines: string[] = [];
  const records: Record<string, unknown>[] = [];
  const out = {
    json: false,
    say: (line: string) => void lines.push(line),
    emit: (r: object) => void records.push({ ...r }),
  };
  const code = await runInspect(flags, out);
  return { code, lines, record: records[0]! };
}

describe("a folder of images", () => {
  test("is shown in lines, as a record, and on a sheet", async () => {
    const sheet = at("sheet.png");
    const { code, lines, record } = await inspect({ data: at("photos"), size: 24, sheet });
    expect(code).toBe(0);
    expect(lines).toEqual([
      `data: folder in ${at("photos")}`,
      "  train    8 from train/: dots (4), rings (4)",
      "  test     2 from val/: dots (1), rings (1)",
      "  classes  2: dots, rings",
      expect.stringMatching(/^ {2}sizes {4}2\dx\d+ to [\dx]+ \(8 read\); network input 24x24$/),
      "  skipped  1 .bmp images, an unsupported format, e.g. train/dots/a.bmp",
      "  skipped  1 .md files, e.g. notes.md",
      `  sheet    ${sheet}: a few images of each class`,
    ]);
    expect(record).toMatchObject({
      ...{ kind: "data", layout: "folder", classes: ["dots", "rings"], sheet },
      train: { from: "train/", count: 8, perClass: [4, 4] },
    });
    const meta = await sharp(readFileSync(sheet)).metadata();
    expect([meta.format, (meta.width ?? 0) > 400, (meta.height ?? 0) > 200]).toEqual(["png", true, true]);
  });

  test("writes nothing without a sheet; refuses flags that do not apply", async () => {
    const { lines } = await inspect({ data: at("photos"), sheet: false });
    expect(lines.some((line) => line.includes("sheet"))).toBe(false);
    expect(existsSync(at("photos/sheet.png"))).toBe(false);
    await expect(inspect({ data: at("nowhere") })).rejects.toThrow(/nowhere": no such folder, and no built-in data/);
    await expect(inspect({ data: at("photos/notes.md") })).rejects.toThrow(
      /notes.md": expected a folder of data, got a file/,
    );
    await expect(inspect({ data: at("photos"), by: "time" })).rejects.toThrow(
      "--by: is for event data, the data is images",
    );
    await expect(inspect({ data: at("photos"), heldOut: 0.5 })).rejects.toThrow(
      "data.heldOut: nothing is held out, testing is with val/",
    );
  });
});

test("detects IDX files; draws events over time", async () => {
  const { lines, record } = await inspect({ data: at("idx"), sheet: at("idx.png") });
  expect(lines.slice(0, 5)).toEqual([
    `data: idx in ${at("idx")}`,
    expect.stringMatching(/^ {2}train {4}40: 0 \(\d+\), 1 \(\d+\)/),
    expect.stringMatching(/^ {2}test {5}12: /),
    "  classes  4: 0, 1, 2, 3",
    "  sizes    28x28, 1 channel",
  ]);
  expect(record["sheet"]).toBe(at("idx.png"));
  await expect(inspect({ data: at("idx"), layout: "folder" })).rejects.toThrow(
    "--layout: is for data images, the data is idx",
  );
  // On, off, on, off of one pixel and another: red and blue by the largest sum.
  expect([...colours(Uint8Array.of(100, 0, 0, 50, 100, 0, 0, 50), 4, true)]).toEqual([255, 0, 0, 0, 0, 128]);
  expect([...colours(Uint8Array.of(7, 9), 1, false)]).toEqual([7, 7, 7, 9, 9, 9]);
});

test("reads classes.txt in a folder of IDX files; refuses test images of another size", async () => {
  const dir = squaresFolder(at("named"), 40, 12);
  writeFiles(dir, { "classes.txt": "up\ndown\nleft\nright\n" });
  const { summary } = await loadSplits({ name: "idx", dir }, 1);
  expect(summary?.classes).toEqual(["up", "down", "left", "right"]);
  const [images, labels] = ["images-idx3-ubyte", "labels-idx1-ubyte"];
  const header = Buffer.alloc(16);
  for (const [i, value] of [2051, 12, 14, 14].entries()) header.writeUInt32BE(value, 4 * i);
  writeFiles(dir, { [`t10k-${images}`]: Buffer.concat([header, Buffer.alloc(12 * 14 * 14)]) });
  await expect(loadSplits({ name: "idx", dir }, 1)).rejects.toThrow(
    "idx: test samples: expected [1, 28, 28] as the training samples, got [1, 14, 14]",
  );
  const far = readFileSync(join(at("idx"), `train-${labels}`));
  far[far.length - 1] = 255;
  writeFiles(at("far"), {
    ...Object.fromEntries(
      [`train-${images}`, `t10k-${images}`, `t10k-${labels}`].map((name) => [name, readFileSync(at(`idx/${name}`))]),
    ),
    [`train-${labels}`]: far,
  });
  await expect(loadSplits({ name: "idx", dir: at("far") }, 1)).rejects.toThrow(
    /label 255 at 39 makes 256 classes, but only 5 of them have an image/,
  );
});

test("a summary of many classes names the smallest and the largest, and escapes control characters", () => {
  const classes = Array.from({ length: 12 }, (_, i) => `c${i}`);
  const perClass = Uint32Array.from(classes, (_, i) => (i === 7 ? 1 : i === 9 ? 99 : 5));
  const part = { from: "x\u001b[31m/", count: 150, perClass };
  const lines = summaryLines({
    ...{ layout: "folder", where: "d", train: part, test: part, classes, sizes: "8x8" },
    passedOver: Array.from({ length: 10 }, (_, i) => ({ what: `.${i} files`, count: 1, example: "e" })),
    notes: ["odd"],
  });
  expect(lines[1]).toBe(
    "  train    150 from x?[31m/: c0 (5), c1 (5), c2 (5), c3 (5), c4 (5), c5 (5), ...; fewest c7 (1), most c9 (99)",
  );
  expect(lines.slice(-2)).toEqual(["  skipped  2 more kinds", "  note     odd"]);
});
