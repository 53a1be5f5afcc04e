// Mistakes of users in recipes and flags: a name for a section, another program's spelling, a percentage, a file that is not a
// recipe. Each is accepted, or refused in a line with its position and a suggestion.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { flagNames, type SettingFlags, settingsFrom } from "../../src/recipe/flags.ts";
import { methodSettings } from "../../src/recipe/methods.ts";
import { METHOD_NAMES } from "../../src/recipe/presets.ts";
import { loadRecipe, RecipeError, type RecipeSource, recipeToYaml, resolveRecipe } from "../../src/recipe/recipe.ts";

const dir = mkdtempSync(join(tmpdir(), "given-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const put = (name: string, text: string | Buffer) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

function problemsOf(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(RecipeError);
    return (error as RecipeError).problems;
  }
  return [];
}
const problems = (text: string, more: Partial<RecipeSource> = {}) =>
  problemsOf(() => resolveRecipe({ text, file: "a.yaml", ...more }));
const withFlags = (flags: SettingFlags, text = "") =>
  problems(text, { flags: settingsFrom(flags), flagOf: flagNames(flags) });

describe("a section that is no map", () => {
  test("a text in place of model or data is the name", () => {
    expect(resolveRecipe({ text: "model: resnet-20\ndata: fashion-mnist" })).toMatchObject({
      model: { name: "resnet-20" },
      data: { name: "fashion-mnist" },
      weightDecay: 0,
    });
    const [problem] = problems("model: lenet_bm", { models: ["lenet-bn"] });
    expect(problem).toBe('a.yaml:1:8: model.name: expected one of lenet-bn, got "lenet_bm"; did you mean lenet-bn?');
    expect(problems("data: cifar-10")[0]).toMatch(/^a.yaml:1:7: data.name: .* did you mean cifar10\?$/);
  });

  test.each([
    ["lr: 0.5", /^a.yaml:1:5: lr: expected a map with keys of schedule, .* got 0.5; did you mean lr: {base: 0.5}\?$/],
    ["lr: cosine", /did you mean lr: {schedule: cosine}\?$/],
    ["prune: 0.3", /^a.yaml:1:8: prune: .* got 0.3; did you mean prune: {sparsity: 0.3}\?$/],
    ["prune: lats", /did you mean prune: {schedule: lats}\?$/],
    ["prune: gmp", /did you mean prune: {method: gmp}\?$/],
    ["augment: none", /got "none"; did you mean augment: {crop: 0, flip: false}\?$/],
    ["augment: true", /did you mean augment: {flip: true}\?$/],
    ["checkpoint: 5", /did you mean checkpoint: {every: 5}\?$/],
    ["device: true", /did you mean device: {requireGpu: true}\?$/],
    ["model: [resnet-20]", /^a.yaml:1:8: model: expected a map .* got \["resnet-20"\]$/],
    ["model: 5", /^a.yaml:1:8: model: expected a map .* got 5$/],
    ["data:", /^a.yaml:1:\d: data: expected a map .* got nothing$/],
    ["prune: {str: 0.1}", /^a.yaml:1:14: prune.str: expected a map with keys of start, decay, got 0.1$/],
    ["augment: {jitter: 0.4}", /^a.yaml:1:19: augment.jitter: expected a map/],
  ])("%s", (text, message) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
  });

  test("flags and higher recipes do not hide it", () => {
    expect(problems("lr: 0.5", { flags: { lr: { base: 1 }, model: {} } })).toHaveLength(1);
    put("scalar.yaml", "lr: 0.5\n");
    const above = put("above.yaml", "extends: scalar.yaml\nlr: {base: 0.2}\n");
    expect(problemsOf(() => loadRecipe(above))[0]).toMatch(/scalar.yaml:1:5: lr: expected a map/);
    put("named.yaml", "model: {name: lenet_bm}\n");
    const named = put("names.yaml", "extends: named.yaml\nmodel: resnet20\n");
    expect(problemsOf(() => loadRecipe(named, { models: ["resnet-20"] }))[0]).toMatch(/names.yaml:2:8: model.name: /);
  });
});

describe("values in other spellings", () => {
  test.each([
    ['epochs: "10"', 'a.yaml:1:9: epochs: expected an integer >= 1, got "10"; did you mean 10?'],
    ["lr: {base: '1e-1'}", 'a.yaml:1:12: lr.base: expected a number > 0, got "1e-1"; did you mean 0.1?'],
    ["lr:\n  base: 0,1", 'a.yaml:2:9: lr.base: expected a number > 0, got "0,1"; did you mean 0.1?'],
    ["nesterov: yes", 'a.yaml:1:11: nesterov: expected true or false, got "yes"; did you mean true?'],
    ["nesterov: 0", "a.yaml:1:11: nesterov: expected true or false, got 0; did you mean false?"],
    ["prune: {sparsity: 95}", "prune.sparsity: expected a number in (0, 1), got 95; did you mean 0.95?"],
    ["prune: {sparsity: 95%}", 'prune.sparsity: expected a number in (0, 1), got "95%"; did you mean 0.95?'],
    ["prune: {dense: first}", 'prune.dense: expected a list of layers, got "first"; did you mean [first]?'],
    ["prune: {method: lats}", 'got "lats"; did you mean schedule: lats?'],
    ["prune: {method: dense}", 'got "dense"; did you mean schedule: none?'],
    ["prune: {name: lats}", "prune.name: unknown key, "],
    ["prune: {name: lats}", "did you mean method?"],
    ["data: {path: x}", "did you mean dir?"],
    ["data: {batch_size: 3}", "did you mean batchSize at the top?"],
    ["prune: {epochs: 3}", "did you mean epochs at the top?"],
    ["learning_rate: 0.1\nepochs: 2", "did you mean lr.base?"],
    ["batch-size: 32\nepochs: 2", "did you mean batchSize?"],
    ["epochs: 9007199254740991", "a.yaml:1:9: epochs: expected at most 1000000000, got 9007199254740991"],
    ["logEvery: 300", "a.yaml:1:11: logEvery: expected at most 256, got 300"],
    ["batchSize: 1e15", "a.yaml:1:12: batchSize: expected at most 1000000, got 1000000000000000"],
    ["model: {timeSteps: 1e9}", "model.timeSteps: expected at most 10000, got 1000000000"],
  ])("%s", (text, message) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });
});

describe("settings that the run does not read", () => {
  test.each<[SettingFlags, string]>([
    [
      { beta: 0.1 },
      "--beta: prune.beta: expected no value: it is for prune.schedule pgh and pgh-general, and prune.schedule is lats; got 0.1",
    ],
    [
      { ltpL0: 3 },
      "--ltp-l0: prune.ltp.l0: expected no value: it is for prune.method ltp, and prune.method is soft, with prune.schedule lats; got 3",
    ],
    [
      { method: "ltp", strDecay: 1 },
      "--str-decay: prune.str.decay: expected no value: it is for prune.method str, and prune.method is ltp; got 1",
    ],
    [
      { data: "events", dataDir: "/d" },
      '--data-dir: data.dir: expected no value: it is for data in files, and data.name is events; got "/d"',
    ],
    [
      { method: "dense", threshold: 0.1 },
      "--threshold: prune.threshold: expected no value: it is for the soft thresholds of prune.method soft, at-init and grad-r, and prune.method is soft, with prune.schedule none; got 0.1",
    ],
    [
      { method: "snip", sparsity: 0.9, startEpoch: 1 },
      "--start-epoch: prune.startEpoch: expected no value: it is for soft thresholds and",
    ],
    [{ method: "gmp", sparsity: 0.9, mode: "latent" }, "--mode: prune.mode: expected no value"],
    [{ method: "masked", dense: ["first"], window: 1 }, "--window: prune.window: expected no value"],
    [
      { data: "npz", dataDir: "/d", by: "time" },
      "--by: data.by: expected no value: it is for event data, and data.name is npz, whose files hold frames",
    ],
    [
      { model: "sew-resnet-18", tau: 3 },
      "--tau: model.tau: expected no value: it is for the leak of spiking neurons, and the neurons of sew-resnet-18 are if",
    ],
    [
      { checkpointBlocks: true, model: "lenet" },
      "--checkpoint-blocks: model.checkpointBlocks: expected no value: it is for networks of blocks, and model.name is lenet",
    ],
    [{ newHead: true }, "weights: expected a model file, since newHead is true, got nothing"],
  ])("%o", (flags, message) => {
    const found = withFlags(flags);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(message);
  });

  test("reports all of them at once, with positions in files", () => {
    const text = "prune: {beta: 0.1, every: 3}\nlr: {milestones: [1, 2], gamma: 0.5}\n";
    expect(withFlags({ ltpL0: 3, workers: 2 }, text)).toEqual([
      expect.stringMatching(/^a.yaml:1:15: prune.beta: /),
      expect.stringMatching(/^a.yaml:1:27: prune.every: .* prune.method gmp/),
      expect.stringMatching(
        /^a.yaml:2:18: lr.milestones: .* it is for lr.schedule multistep, and lr.schedule is cosine/,
      ),
      expect.stringMatching(/^a.yaml:2:33: lr.gamma: /),
      expect.stringMatching(/^--workers: data.workers: |^--ltp-l0: /),
      expect.stringMatching(/^--workers: data.workers: |^--ltp-l0: /),
    ]);
  });

  test("accepts a value without effect", () => {
    const text =
      "newHead: false\nprune: {method: snip, sparsity: 0.9, startEpoch: 0, accelerated: false, dense: []}\nmodel: {checkpointBlocks: false}";
    expect(problems(text)).toEqual([]);
  });

  test("leaves them out with a note if a higher layer chose another method", () => {
    put("pgh.yaml", "prune: {schedule: pgh, beta: 0.2, threshold: 0.3}\nlr: {schedule: step, every: 1, gamma: 0.5}\n");
    const over = put("over.yaml", "extends: pgh.yaml\nprune: {method: ltp}\nlr: {schedule: cosine}\n");
    const notes: string[] = [];
    const recipe = loadRecipe(over, { note: (line) => notes.push(line) });
    expect(notes).toEqual([
      expect.stringMatching(
        /pgh.yaml:1:19: prune.schedule: has no effect: it is for prune.method soft and at-init, and prune.method is ltp$/,
      ),
      expect.stringMatching(/pgh.yaml:1:30: prune.beta: has no effect/),
      expect.stringMatching(/pgh.yaml:1:46: prune.threshold: has no effect/),
      expect.stringMatching(
        /pgh.yaml:2:29: lr.every: has no effect: it is for lr.schedule step, and lr.schedule is cosine$/,
      ),
      expect.stringMatching(/pgh.yaml:2:39: lr.gamma: has no effect/),
    ]);
    expect(recipe.prune).not.toHaveProperty("beta");
    expect(recipe.prune.schedule).toBe("lats");
    expect(recipe.lr).toMatchObject({ schedule: "cosine", gamma: 0.1 });
    // Also with a flag, but only if it chooses another method.
    const flags = { method: "dense" };
    expect(
      problemsOf(() => loadRecipe(join(dir, "pgh.yaml"), { flags: settingsFrom(flags), flagOf: flagNames(flags) })),
    ).toEqual([]);
    put("idle.yaml", "prune: {beta: 0.2}\n");
    const still = put("still.yaml", "extends: idle.yaml\nprune: {method: ltp}\n");
    expect(problemsOf(() => loadRecipe(still))[0]).toMatch(/idle.yaml:1:15: prune.beta: expected no value/);
  });

  test("accepts idle settings in the recipe of a run", () => {
    const notes: string[] = [];
    const old = "lr: {schedule: cosine, gamma: 0.1}\nprune: {method: gmp, sparsity: 0.9, schedule: none}\n";
    const recipe = resolveRecipe({ text: old, written: true, note: (line) => notes.push(line) });
    expect(recipe.prune).toMatchObject({ schedule: "none" });
    expect(notes).toEqual([expect.stringMatching(/prune.schedule: has no effect/)]);
    expect(recipeToYaml(recipe)).not.toMatch(/gamma|schedule: none/);
    const given = { beta: 0.1 };
    const flags = { flags: settingsFrom(given), flagOf: flagNames(given) };
    expect(problems(old, { written: true, ...flags })[0]).toMatch(/^--beta: prune.beta: expected no value/);
  });
});

describe("methods by name", () => {
  test.each<[string, SettingFlags, string]>([
    ["lats", { schedule: "sine" }, "--schedule: expected lats, since --method is lats, got sine"],
    ["dense", { schedule: "lats" }, "--schedule: expected none, since --method is dense, got lats"],
    ["ista", { mode: "latent" }, "--mode: expected inplace, since --method is ista, got latent"],
    ["fista", { mode: "latent" }, "--mode: expected inplace, since --method is fista, got latent"],
  ])("%s with %o", (method, flags, message) => {
    expect(() => settingsFrom({ method, ...flags })).toThrow(message);
  });
  test("combine with the settings that they leave open", () => {
    expect(settingsFrom({ method: "ista", schedule: "sine" }).prune).toMatchObject({
      schedule: "sine",
      mode: "inplace",
    });
    expect(methodSettings("early", { freezeEpoch: 2, schedule: "lats" })).not.toHaveProperty("beta");
    expect(methodSettings("pgh", { beta: 0.5 })).toMatchObject({ beta: 0.5 });
    expect(METHOD_NAMES).toContain("lats");
    expect(() => methodSettings("constructor")).toThrow(/--method: expected one of dense, .* got constructor/);
    expect(() => settingsFrom({ size: 32, frameSize: 64 })).toThrow(/--size, --frame-size: expected one of the two/);
  });
});

describe("files that are no recipes", () => {
  const refused = (file: string) => problemsOf(() => loadRecipe(file));

  test("refuses pipes, devices, sockets, folders and huge files at once", async () => {
    const pipe = join(dir, "pipe");
    execFileSync("mkfifo", [pipe]);
    expect(refused(pipe)).toEqual([`cannot read ${pipe}: a named pipe (FIFO)`]);
    expect(refused("/dev/zero")[0]).toContain("/dev/zero: a device");
    expect(refused(dir)[0]).toContain(": a folder");
    const socket = join(dir, "socket");
    const server = createServer();
    await new Promise<void>((done) => server.listen(socket, done));
    expect(refused(socket)[0]).toContain(": a socket");
    server.close();
    expect(refused(put("large.yaml", Buffer.alloc(5 << 20, 35)))[0]).toContain(
      ": expected at most 4194304 bytes, got 5242880",
    );
    for (const name of ["pipe", "../../../../../../../../dev/zero"]) {
      expect(refused(put("above_device.yaml", `extends: ${name}\n`))[0]).toMatch(/: a (named pipe|device)/);
    }
  });

  test("does not quote a file of another program line by line", () => {
    const secrets = Array.from({ length: 40 }, (_, i) => `user${i}: secret${i}`).join("\n");
    put("secrets", secrets);
    for (const file of [join(dir, "secrets"), put("peek.yaml", "extends: secrets\n")]) {
      const found = refused(file);
      expect(found).toHaveLength(1);
      expect(found[0]).toContain(
        "expected a recipe, with settings such as model, data, epochs; got a file of 40 other keys",
      );
      expect(found.join()).not.toMatch(/user\d|secret\d/);
    }
    const shadow = put("shadow", `${"root:*:19000:0:99999:7:::\n".repeat(30)}`);
    expect(refused(shadow).length).toBeLessThanOrEqual(6);
    expect(refused(shadow).join("\n")).not.toContain("19000");
  });

  test("accepts an absolute path", () => {
    const base = put("base.yaml", "epochs: 9\n");
    mkdirSync(join(dir, "deep"));
    expect(loadRecipe(put("deep/absolute.yaml", `extends: ${base}\n`)).epochs).toBe(9);
  });

  test("escapes control characters of keys, values and file names", () => {
    const text = '"\\e]0;pwned\\a\\e[2J": 1\nepochs: 2\nmodel: {name: "a\\u202eb\\x7f"}\n';
    const found = problems(text, { models: ["lenet-bn"] });
    expect(found).toHaveLength(2);
    expect(found[0]).toContain("\\x1b]0;pwned\\x07\\x1b[2J: unknown key");
    expect(found[1]).toContain('got "a\\u202eb\\u007f"');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(found.join("")).not.toMatch(/[\u0000-\u001f\u007f\u202e]/);
    expect(refused(join(dir, "no\u001b[2Jwhere"))[0]).toContain("no\\x1b[2Jwhere: ");
  });
});
