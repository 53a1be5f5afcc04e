// `espalier exec` and the start of commands on mesa-latest, on a driver whose dynamic linker is a script that starts Node.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launcherText, linkerName, mesaLatestPaths, PRELOAD_TEXT } from "../../src/node/mesa_latest.ts";
import { espalier } from "../support/cli.ts";

const cache = mkdtempSync(join(tmpdir(), "espalier-exec-"));
const paths = mesaLatestPaths(join(cache, "espalier", "gpu", "mesa-latest"));
const env = { XDG_CACHE_HOME: cache, ESPALIER_NODE: "", ESPALIER_DRIVER: "" };

const linux = process.platform === "linux" && linkerName() !== null;
describe.skipIf(!linux)("with mesa-latest", () => {
  beforeAll(() => {
    mkdirSync(join(paths.folder, "bin"), { recursive: true });
    const program = (path: string, text: string) => {
      writeFileSync(path, text);
      chmodSync(path, 0o755);
    };
    program(paths.node, launcherText(linkerName()!));
    program(
      paths.linker,
      '#!/bin/sh\nexport LINKER_OPTIONS="$1 $2"\necho started >> "$2/starts"\nshift 2\nexec "$@"\n',
    );
    writeFileSync(join(paths.folder, "preload.cjs"), PRELOAD_TEXT);
  });
  afterAll(() => rmSync(cache, { recursive: true }));

  const report = `
    const { fork, spawnSync } = require("node:child_process");
    const { Worker } = require("node:worker_threads");
    const facts = (way) => console.log(way, process.execPath, process.execArgv.join(" "), process.env.LINKER_OPTIONS);
    const { isMainThread } = require("node:worker_threads");
    if (process.argv[2] === "child") facts("child");
    else if (!isMainThread) facts("worker");
    else {
      facts("program");
      fork(__filename, ["child"]).on("exit", () => {
        process.stdout.write(spawnSync(process.execPath, [__filename, "child"], { encoding: "utf8" }).stdout);
        new Worker(__filename).on("exit", () => process.exit(Number(process.argv[2])));
      });
    }`;

  describe.each([
    ["by replacing the process", []],
    ["in a child process, without koffi", ["koffi"]],
  ])("%s", (_way, hide) => {
    test("the program, its children and its workers run on the driver, with their arguments and exit codes", async () => {
      const file = join(cache, "report.cjs");
      writeFileSync(file, report);
      const { code, out, err } = await espalier(["exec", "node", "--stack-size=1500", file, "5"], { env, hide });
      const line = (way: string, flags: string) => `${way} ${paths.node} ${flags} --library-path ${paths.folder}`;
      expect(err).toBe("");
      expect(out.trimEnd().split("\n")).toEqual([
        line("program", "--stack-size=1500"),
        line("child", "--stack-size=1500"),
        line("child", ""),
        line("worker", "--stack-size=1500"),
      ]);
      expect(code).toBe(5);
    });

    test("a signal reaches the program, and its own signal ends the command", async () => {
      const program = 'process.on("SIGTERM", () => process.exit(9)); setInterval(() => {}, 1000); console.log("ready")';
      const kill = (out: string) => (out.includes("ready") ? ("SIGTERM" as const) : null);
      expect((await espalier(["exec", "node", "-e", program], { env, hide, kill })).code).toBe(9);
      const dies = await espalier(["exec", "sh", "-c", "kill -KILL $$"], { env, hide });
      expect(dies.code).toBeNull();
    });

    test("names a program that does not exist", async () => {
      const { code, err } = await espalier(["exec", "no-such-program"], { env, hide });
      expect(code).toBe(127);
      expect(err).toContain("no-such-program");
    });

    test("a chosen driver starts commands, once", async () => {
      writeFileSync(paths.chosen, "");
      writeFileSync(join(paths.folder, "starts"), "");
      const { code, err } = await espalier(["eval", "no-such-run"], { env, hide });
      rmSync(paths.chosen);
      expect(readFileSync(join(paths.folder, "starts"), "utf8")).toBe("started\n");
      expect(code).toBe(2);
      expect(err).toMatch(/^espalier: .*no-such-run/);
    });
  });
});

test("exec says what to set up first", async () => {
  const { code, err } = await espalier(["exec", "node"], { env: { XDG_CACHE_HOME: join(cache, "empty") } });
  expect(code).toBe(1);
  expect(err).toMatch(
    /^espalier: exec: expected the driver mesa-latest, got none: run .* setup --driver mesa-latest first$/m,
  );
});
