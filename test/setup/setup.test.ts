// Set-up on fake machines: the cache comes first, the system is changed only with consent.
import { describe, expect, test } from "vitest";
import { AdapterError } from "../../src/node/ladder.ts";
import { SetupError } from "../../src/setup/command.ts";
import { type Plan, parseAptPolicy, type SetupFacts } from "../../src/setup/plan.ts";
import type { Probe } from "../../src/setup/probe.ts";
import { type Machine, type SetupOptions, setup } from "../../src/setup/setup.ts";

const facts: SetupFacts = {
  ...{ platform: "linux", arch: "x64", root: true, sudo: false, apt: true, npm: true },
  ...{ distribution: "debian", codename: "trixie", hasMirror: true },
  policy: parseAptPolicy(
    "mesa:\n  Candidate: 25.0.7-2\n  Version table:\n     25.0.7-2 500\n        500 http://m.example/debian trixie/main amd64 Packages\n",
  ),
};

interface MachineOptions {
  readonly facts?: Partial<SetupFacts>;
  readonly works?: boolean;
  readonly sign?: string;
  /** Ways that fail. */
  readonly failing?: readonly Plan["kind"][];
  readonly lists?: boolean;
  /** Name of the adapter that works. */
  readonly adapter?: string;
}

/** Sets up a machine; says what was done to it, in order. */
async function on(options: MachineOptions, how: SetupOptions = {}) {
  const { works = false, sign = null, failing = [], lists = true } = options;
  const done: string[] = [];
  const lines: string[] = [];
  const machine: Machine = {
    refusal: async () => (works ? null : new AdapterError("no WebGPU adapter", true)),
    signOfGpu: () => sign,
    facts: async () => ({ ...facts, ...options.facts }),
    hasPackageLists: async () => lists,
    refreshPackageLists: async (sudo) => void done.push(`update${sudo ? " by sudo" : ""}`),
    async carryOut(plan) {
      done.push(plan.kind);
      if (failing.includes(plan.kind)) throw new SetupError("offline");
    },
    async prove(_log, from) {
      done.push(`prove ${from ?? "any"}`);
      return { name: from ?? options.adapter ?? "any", software: true } as Probe;
    },
    choose: (driver) => void done.push(`choose ${driver}`),
  };
  const ended = setup({ log: (line) => void lines.push(line), ...how }, machine);
  const result = await ended.then(
    (probe) => probe.name,
    (error: Error) => error,
  );
  return { done, lines, result };
}
const all: Plan["kind"][] = ["mesa", "swiftshader", "apt"];

describe("the cache comes first", () => {
  test.each<[string, Partial<SetupFacts>]>([
    ["root", {}],
    ["a user with sudo", { root: false, sudo: true }],
    ["a plain user", { root: false }],
  ])("%s", async (_who, change) => {
    const { done, lines } = await on({ facts: change, lists: false });
    expect(done).toEqual(["mesa", "prove mesa"]);
    expect(lines.slice(0, 3)).toEqual([
      "Plan: the first of these that works",
      expect.stringMatching(/^ {2}1\. download mesa-vulkan-drivers .* into the user's cache; nothing else changes/),
      expect.stringMatching(/^ {2}2\. download SwiftShader .* into the user's cache/),
    ]);
  });
  test("tries the next plan after a failure", async () => {
    expect((await on({ failing: ["mesa"] })).done).toEqual(["mesa", "swiftshader", "prove swiftshader"]);
  });
});

describe("changes of the system need consent", () => {
  test("names the system's plan in the error without consent", async () => {
    for (const lists of [true, false]) {
      const { done, result } = await on({ failing: all, lists });
      expect(done).toEqual(["mesa", "swiftshader"]);
      expect((result as Error).message).toMatch(
        /^cannot install a software adapter:\n {2}mesa: offline\n {2}swiftshader: offline\nTo install mesa-vulkan-drivers into the system with apt .*, run .* --system\.$/,
      );
    }
  });

  test("asks after the cache plans failed, and follows the answer", async () => {
    const questions: string[] = [];
    const ask = (answer: boolean) => async (question: string) => {
      questions.push(question);
      return answer;
    };
    expect((await on({ failing: ["mesa", "swiftshader"] }, { ask: ask(false) })).done).toEqual(["mesa", "swiftshader"]);
    const user = { facts: { root: false, sudo: true }, failing: ["mesa", "swiftshader"], lists: false } as const;
    const agreed = await on(user, { ask: ask(true) });
    expect(agreed.done).toEqual(["mesa", "swiftshader", "update by sudo", "apt", "prove system"]);
    expect(questions).toEqual([
      "Allow espalier to install mesa-vulkan-drivers into the system with apt (about 55 MB download, 250 MB on disk)?",
      "Allow espalier to refresh the system's package lists and install mesa-vulkan-drivers into the system with apt and sudo (about 55 MB download, 250 MB on disk)?",
    ]);
    // No question if a cache plan works.
    expect((await on({}, { ask: ask(true) })).done).toEqual(["mesa", "prove mesa"]);
    expect(questions).toHaveLength(2);
  });

  test("takes --system as consent and tries the system first", async () => {
    expect((await on({ lists: false }, { system: true })).done).toEqual(["update", "apt", "prove system"]);
    expect((await on({ failing: ["apt"] }, { system: true })).done).toEqual(["apt", "mesa", "prove mesa"]);
    expect((await on({ facts: { root: false } }, { system: true })).done).toEqual(["mesa", "prove mesa"]);
  });

  test("requires consent for --driver apt too", async () => {
    const unasked = await on({}, { driver: "apt" });
    expect(unasked.done).toEqual([]);
    expect((unasked.result as Error).message).toMatch(
      /^driver apt cannot be installed on this machine, or not without --system\nTo /,
    );
    expect((await on({}, { driver: "apt", system: true })).done).toEqual(["apt", "prove system", "choose apt"]);
  });
});

test("carries out a named plan although an adapter works, and tests its adapter", async () => {
  expect((await on({ works: true })).done).toEqual(["prove any"]);
  expect((await on({ works: true }, { driver: "swiftshader" })).done).toEqual([
    "swiftshader",
    "prove swiftshader",
    "choose swiftshader",
  ]);
  expect((await on({ failing: ["mesa"] }, { driver: "mesa" })).result).toMatchObject({
    message: "cannot install a software adapter:\n  mesa: offline",
  });
});

test("reports a GPU with a broken driver and installs nothing, unless a plan is named", async () => {
  const broken = { sign: "this machine has an NVIDIA GPU (/dev/nvidia0) without a working Vulkan driver" };
  const { done, result } = await on(broken, { system: true });
  expect(done).toEqual([]);
  expect((result as Error).message).toMatch(
    /^no WebGPU adapter\nthis machine has an NVIDIA GPU .*\. Install or repair its driver; nothing was installed\. To use a software adapter instead, run .* --driver mesa$/,
  );
  expect((await on(broken, { driver: "mesa" })).done).toEqual(["mesa", "prove mesa", "choose mesa"]);
});

test("reports that no plan applies", async () => {
  const { result } = await on({ facts: { platform: "darwin", apt: false } });
  expect((result as Error).message).toMatch(/^on darwin the driver is part of the system/);
});

test("sets up mesa-latest only by name, and refuses it where it cannot", async () => {
  expect((await on({}, { driver: "mesa-latest" })).done).toEqual([
    "mesa-latest",
    "prove mesa-latest",
    "choose mesa-latest",
  ]);
  expect((await on({ failing: ["mesa-latest"] }, { driver: "mesa-latest" })).done).toEqual(["mesa-latest"]);
  const { done, result } = await on({ facts: { distribution: "ubuntu" } }, { driver: "mesa-latest" });
  expect(done).toEqual([]);
  expect((result as Error).message).toBe(
    "driver mesa-latest cannot be installed on this machine: expected Debian with apt, on x64 or arm64",
  );
});

describe("the advice on a faster driver", () => {
  const advice = async (adapter: string, change: Partial<SetupFacts> = {}) =>
    (await on({ works: true, adapter, facts: change })).lines.slice(1);
  const old = "llvmpipe: Mesa 25.0.7-2 (LLVM 19.1.7)";

  test("names mesa-latest, or mesa where the distribution has a recent one", async () => {
    expect(await advice(old)).toEqual([expect.stringMatching(/^Mesa 26\.1 or newer .* setup --driver mesa-latest$/)]);
    const policy = { candidate: "26.2.0-1", versions: [{ version: "26.2.0-1", from: ["forky/main"] }] };
    expect(await advice(old, { policy })).toEqual([expect.stringMatching(/setup --driver mesa$/)]);
  });
  test("is absent on a recent driver, on others, and where nothing newer can be had", async () => {
    expect(await advice("llvmpipe: Mesa 26.1.6-1 (LLVM 19.1.7)")).toEqual([]);
    expect(await advice("SwiftShader driver: 5.0.0")).toEqual([]);
    expect(await advice(old, { distribution: "ubuntu" })).toEqual([]);
  });
});
