import fc from "fast-check";
import { expect, test } from "vitest";
import { ResNetCifar } from "../../src/models/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  compareState,
  Flatten,
  formatLoadReport,
  Identity,
  Linear,
  loadState,
  namePattern,
  Sequential,
} from "../../src/nn/index.ts";

// Comparing needs no GPU: only a load that succeeds does, see load_state.gpu.test.ts.
const net = (classes = 3) =>
  new Sequential([new Conv2d(1, 2, 3), new BatchNorm2d(2), new Flatten(), new Linear(32, classes)]);
const arraysOf = (module: ReturnType<typeof net> | ResNetCifar) =>
  new Map([...module.namedState()].map(([name, { shape, numel }]) => [name, { shape, data: new Float32Array(numel) }]));
const none = { missing: [], unexpected: [], mismatched: [], skipped: [] };
const nothing = { ...none, keptAsTheyAre: [], leftOut: [], idle: [], head: null, counters: 0 };

test("reports arrays that fit in one line", () => {
  const report = compareState(net(), arraysOf(net()));
  expect(report).toEqual({ ...nothing, loaded: [...arraysOf(net()).keys()] });
  expect(formatLoadReport(report)).toBe("loaded all 8 arrays");
});

test("accepts and reports PyTorch's counters", () => {
  const arrays = arraysOf(net()).set("1.num_batches_tracked", { shape: [], data: new Float32Array(1) });
  const report = compareState(net(), arrays);
  expect(report).toMatchObject({ ...nothing, counters: 1 });
  expect(formatLoadReport(report)).toBe(
    "loaded all 8 arrays\n1 num_batches_tracked skipped: a count of steps of PyTorch, on which no result depends",
  );
});

test("groups arrays that do not fit by module, and refuses them by default", () => {
  const arrays = arraysOf(net(5));
  arrays.delete("1.weight");
  arrays.delete("1.bias");
  arrays.set("head.gain", { shape: [2], data: new Float32Array(2) });
  const text = [
    "4 of 8 arrays fit",
    "missing in the file: 2",
    "  1 (2): weight, bias",
    "in the file only: 1",
    "  head (1): gain",
    "of another shape: 2",
    "  3.weight: expected [3,32], got [5,32]",
    "  3.bias: expected [3], got [5]",
  ].join("\n");
  expect(formatLoadReport(compareState(net(), arrays))).toBe(text);
  expect(() => loadState(net(), arrays)).toThrow(`loadState: ${text}`);
  expect(() => loadState(net(), new Map(), { strict: false })).toThrow(
    "loadState: expected at least one array that fits, got none; 0 of 8 arrays fit",
  );
});

test("reports a whole network in few lines, and names a common prefix", () => {
  const model = new ResNetCifar({ blocks: 3 });
  const arrays = new Map([...arraysOf(model)].map(([name, array]) => [`encoder.${name}`, array]));
  const lines = formatLoadReport(compareState(model, arrays)).split("\n");
  expect(lines.length).toBeLessThan(32);
  expect(lines[0]).toMatch(/^0 of \d+ arrays fit$/);
  expect(lines.filter((line) => /^ {2}and \d+ more modules$/.test(line))).toHaveLength(2);
  expect(lines.at(-1)).toBe('every name in the file starts with "encoder.": remove it');
});

test("does not report a prefix of some names as that of all", () => {
  const arrays = new Map(
    [...arraysOf(net())].map(([name, array], i) => [i === 0 ? `head.${name}` : name, array] as const),
  );
  const report = compareState(net(), arrays);
  expect(report.loaded.length).toBeGreaterThan(0);
  expect(formatLoadReport(report).split("\n").at(-1)).toBe('the names in the file only start with "head.": remove it');
});

test("skips names of module and file, by a pattern or paths", () => {
  const arrays = arraysOf(net(5)).set("3.gain", { shape: [], data: new Float32Array(1) });
  arrays.delete("0.bias");
  for (const skip of [["3", "0.bias"], /^3\.|0\.bias/, /^3\.|0\.bias/gy]) {
    const report = compareState(net(), arrays, { skip });
    expect(report).toMatchObject({ ...nothing, skipped: ["0.bias", "3.weight", "3.bias", "3.gain"] });
    expect(formatLoadReport(report)).toBe("loaded all 5 arrays\n4 skipped: 0.bias, 3.weight, 3.bias, 3.gain");
  }
  expect(() => compareState(net(), arrays, { skip: ["fc"] })).toThrow(
    'skip: expected a path of at least one name, got "fc"',
  );
  expect(() => compareState(net(), arrays, { skip: ["1.w"] })).toThrow(
    'skip: expected a path of at least one name, got "1.w"',
  );
  expect(() => compareState(net(), arrays, { skip: /^fc/ })).toThrow(
    "skip: expected a pattern of at least one name, got /^fc/",
  );
});

test("skips a new head if the class count differs or the file has none, else loads it", () => {
  const head = "new";
  const other = compareState(net(3), arraysOf(net(5)), { head });
  expect(other).toMatchObject({ missing: [], mismatched: [], skipped: ["3.weight", "3.bias"] });
  expect(other.head).toBe("3 is new: 3 outputs, the file has 5");
  expect(formatLoadReport(other)).toBe(
    "loaded all 6 arrays\n3 is new: 3 outputs, the file has 5\n2 skipped: 3.weight, 3.bias",
  );
  const none = arraysOf(net(5));
  none.delete("3.weight");
  none.delete("3.bias");
  expect(compareState(net(3), none, { head }).head).toBe("3 is new: the file has no 3.weight");
  expect(compareState(net(3), arraysOf(net(3)), { head })).toMatchObject(nothing);
  // Another number of inputs is another network.
  const wide = arraysOf(net(5)).set("3.weight", { shape: [5, 64], data: new Float32Array(320) });
  expect(compareState(net(3), wide, { head })).toMatchObject({
    head: null,
    mismatched: [{ name: "3.weight" }, { name: "3.bias" }],
  });
  const lone = new Linear(4, 2);
  expect(
    compareState(
      lone,
      new Map([
        ["weight", { shape: [3, 4] }],
        ["bias", { shape: [3] }],
      ]),
      { head },
    ).head,
  ).toBe("the layer is new: 2 outputs, the file has 3");
  expect(() => compareState(new Sequential([new Identity()]), new Map(), { head })).toThrow(
    "head: expected a module with a prunable weight, got none",
  );
  expect(() => compareState(net(), new Map(), { head: "old" as "new" })).toThrow('head: expected "new", got "old"');
});

test("every name of module and file is in exactly one list", () => {
  const model = net();
  const own = [...arraysOf(model)];
  fc.assert(
    fc.property(
      fc.subarray(own),
      fc.uniqueArray(fc.stringMatching(/^[a-z](\.[a-z])?$/), { maxLength: 5 }),
      fc.subarray(own.map(([name]) => name)),
      fc.option(fc.constant("new" as const), { nil: undefined }),
      (kept, added, skip, head) => {
        const arrays = new Map<string, { shape: readonly number[] }>([
          ...kept,
          ...added.map((name) => [name, { shape: [1] }] as const),
        ]);
        const report = compareState(model, arrays, { skip, ...(head ? { head } : {}) });
        const listed = [
          ...report.loaded,
          ...report.missing,
          ...report.unexpected,
          ...report.mismatched.map(({ name }) => name),
          ...report.skipped,
        ];
        expect(listed.sort()).toEqual([...new Set([...own.map(([name]) => name), ...arrays.keys()])].sort());
        expect(formatLoadReport(report).split("\n").length).toBeLessThan(45);
      },
    ),
  );
});

test("skips and reports names that may be missing or unexpected, and refuses patterns that match no name", () => {
  const arrays = arraysOf(net());
  arrays.delete("3.weight");
  arrays.delete("3.bias");
  arrays.set("head.gain", { shape: [2], data: new Float32Array(2) });
  arrays.set("n_averaged", { shape: [], data: new Float32Array(1) });
  const report = compareState(net(), arrays, { allowMissing: ["3"], allowUnexpected: ["*.gain"] });
  expect(report).toMatchObject({
    ...none,
    keptAsTheyAre: ["3.weight", "3.bias"],
    leftOut: ["head.gain"],
    idle: [],
    averaged: 1,
  });
  expect(formatLoadReport(report)).toBe(
    [
      "loaded all 6 arrays",
      "2 not in the file keep their initial values: 3.weight, 3.bias",
      "1 of the file skipped: head.gain",
      "1 n_averaged skipped: the number of averaged models",
    ].join("\n"),
  );
  const idle = { allowMissing: ["3", "conv*"], allowUnexpected: ["head", "tail"] };
  expect(compareState(net(), arrays, idle).idle).toEqual(['allowMissing "conv*"', 'allowUnexpected "tail"']);
  expect(() => loadState(net(), arrays, idle)).toThrow(
    'loadState: allowMissing "conv*" matches no name that is missing or unexpected; allowUnexpected "tail" matches no name',
  );
});

test("matches patterns: a star for any characters, a question mark for one, whole names and names below them", () => {
  const meets = (pattern: string, ...names: readonly string[]) => names.map(namePattern(pattern));
  expect(meets("fc", "fc", "fc.weight", "fcx", "a.fc")).toEqual([true, true, false, false]);
  expect(meets("fc.*", "fc.weight", "fc.a.b", "fc")).toEqual([true, true, false]);
  expect(meets("layer?.bn", "layer1.bn.weight", "layer12.bn.weight")).toEqual([true, false]);
  expect(meets("*bias", "a.bias", "bias", "a.bias.x", "a.biases")).toEqual([true, true, true, false]);
  expect(meets("a.b(c)[0]+", "a.b(c)[0]+", "axb(c)[0]+")).toEqual([true, false]);
});

test("prints names of a file without control characters", () => {
  const arrays = arraysOf(net()).set("\u001b[2J.x", { shape: [1], data: new Float32Array(1) });
  expect(formatLoadReport(compareState(net(), arrays))).toContain("\\x1b[2J (1): x");
});
