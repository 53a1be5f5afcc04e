// Tar archives: samples are read at their offsets; names are never used as paths.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openWebdataset } from "../../src/images/webdataset.ts";
import { type Member, tarOf, temporaryFolder, writeFiles } from "./files.ts";

const root = temporaryFolder();
let count = 0;
async function archive(members: readonly Member[], beside: Record<string, string> = {}): Promise<string> {
  const dir = join(root, String(count++));
  writeFiles(dir, { "train-0.tar": await tarOf(members), ...beside });
  return join(dir, "train-0.tar");
}
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("samples", () => {
  test("reads images with .cls or .json, in any order", async () => {
    const long = `${"deep/".repeat(30)}key`;
    const path = await archive([
      ["a.jpg", "first"],
      ["a.cls", "2\n"],
      ["a.txt", "a caption"],
      ["sub/b.json", '{"label": 0, "more": [1]}'],
      ["sub/b.PNG", "second, longer"],
      [`${long}.jpeg`, "third"],
      [`${long}.cls`, "1"],
    ]);
    const source = await openWebdataset([path]);
    expect([source.length, ...source.classes]).toEqual([3, "0", "1", "2"]);
    expect([0, 1, 2].map((i) => source.label(i))).toEqual([2, 0, 1]);
    expect(text(await source.read(2))).toBe("third");
    expect(text(await source.read(0))).toBe("first");
    expect(text(await source.read(1))).toBe("second, longer");
    expect(source.key(1)).toBe("train-0.tar: sub/b");
    await source.close();
  });

  test("reads several archives, with class names from a file beside them", async () => {
    const one = await archive(
      [
        ["1.jpg", "x"],
        ["1.cls", "cat"],
      ],
      { "classes.txt": "ant\nbee\ncat\n" },
    );
    const two = await archive([
      ["1.jpg", "y"],
      ["1.cls", "1"],
    ]);
    const source = await openWebdataset([one, two]);
    expect([0, 1].map((i) => source.label(i))).toEqual([2, 1]);
    expect(text(await source.read(1))).toBe("y");
    expect(source.classes).toEqual(["ant", "bee", "cat"]);
    await source.close();
  });
});

describe("refusals", () => {
  const sample: readonly Member[] = [
    ["a.jpg", "x"],
    ["a.cls", "0"],
  ];
  const refused: readonly (readonly [string, readonly Member[], RegExp])[] = [
    [
      "a name that climbs out",
      [...sample, ["../../etc/evil.jpg", "x"]],
      /"..\/..\/etc\/evil.jpg": expected a plain relative path as the member's name/,
    ],
    ["a name that climbs out within", [["x/../../y.jpg", "x"]], /expected a plain relative path as the member's name/],
    [
      "an absolute name",
      [["/etc/passwd.jpg", "x"]],
      /"\/etc\/passwd.jpg": expected a plain relative path as the member's name/,
    ],
    ["a backslash", [["..\\evil.jpg", "x"]], /expected a plain relative path as the member's name/],
    [
      "a link",
      [["a.jpg", "", { type: "symlink", linkname: "/etc/passwd" }]],
      /a.jpg: expected a file, got a symlink \(links are not followed\)/,
    ],
    ["no label", [["a.jpg", "x"]], /train-0.tar: a: a sample without a label/],
    ["no image", [["a.cls", "0"]], /train-0.tar: a: a sample without an image/],
    ["two images", [...sample, ["a.png", "x"]], /a.png: expected one image per sample, got a second one/],
    [
      "a word for a label",
      [
        ["a.jpg", "x"],
        ["a.cls", "dog"],
      ],
      /class names in .cls or .json \(dog\): expected a classes.txt beside the archives/,
    ],
    [
      "a label below 0",
      [
        ["a.jpg", "x"],
        ["a.json", '{"cls": -1}'],
      ],
      /label: expected an integer from 0 to \d+, got -1/,
    ],
    [
      "broken JSON",
      [
        ["a.jpg", "x"],
        ["a.json", "{"],
      ],
      /a.json: not JSON/,
    ],
    [
      "JSON without a label",
      [
        ["a.jpg", "x"],
        ["a.json", "[]"],
      ],
      /without a label/,
    ],
    ["nothing", [["readme.txt", "x"]], /no images/],
  ];
  test.each(refused)("%s", async (_, members, message) => {
    await expect(openWebdataset([await archive(members)])).rejects.toThrow(message);
  });

  test("labels outside the given classes", async () => {
    const path = await archive([
      ["a.jpg", "x"],
      ["a.cls", "2"],
    ]);
    await expect(openWebdataset([path], { classes: ["a", "b"] })).rejects.toThrow(
      /label: expected one of 2 classes .*, got 2/,
    );
  });

  test("a truncated archive, a packed one, none at all", async () => {
    const whole = await tarOf([["a.jpg", "x".repeat(5000)], ...sample.slice(1)]);
    const dir = writeFiles(join(root, "cut"), {
      "cut.tar": whole.subarray(0, 3000),
      "packed.tar": new Uint8Array(2048).fill(31),
    });
    await expect(openWebdataset([join(dir, "cut.tar")])).rejects.toThrow(/cut.tar: not a complete tar archive/);
    await expect(openWebdataset([join(dir, "packed.tar")])).rejects.toThrow(
      /packed.tar: not a complete tar archive: .*gz/,
    );
    await expect(openWebdataset([join(dir, "none.tar")])).rejects.toThrow(/none.tar: no such file/);
    await expect(openWebdataset([])).rejects.toThrow(/at least one archive/);
  });
});

describe("an archive without its end", () => {
  test("is refused if cut between two members or in the blocks of zeros", async () => {
    const whole = await tarOf([
      ["a.jpg", Uint8Array.of(1, 2, 3)],
      ["a.cls", "0"],
      ["b.jpg", Uint8Array.of(4, 5, 6)],
      ["b.cls", "1"],
    ]);
    const at = (length: number) =>
      join(writeFiles(root, { [`cut${length}.tar`]: whole.subarray(0, length) }), `cut${length}.tar`);
    const members = 4 * 1024;
    expect(whole.length).toBe(members + 1024);
    for (const length of [2048, members]) {
      await expect(openWebdataset([at(length)])).rejects.toThrow(
        `${at(length)}: expected the end of the archive (a block of zeros) at byte ${length}, after the last member`,
      );
    }
    await expect(openWebdataset([at(members + 511)])).rejects.toThrow(/not a complete tar archive/);
    for (const length of [members + 512, members + 1024]) {
      const source = await openWebdataset([at(length)]);
      expect(source.length).toBe(2);
      await source.close();
    }
  });
});
