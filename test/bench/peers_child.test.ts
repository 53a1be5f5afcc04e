// A side's process: answers, errors, its end, and time-outs.
import { describe, expect, test } from "vitest";
import { Child, SideError } from "../../bench/peers/child.ts";
import { selectWorkloads } from "../../bench/peers/workloads.ts";

const [work] = selectWorkloads(["matmul 256"]);

/** A side whose `reply(request)` is this code; it may return undefined to say nothing. */
function sideOf(reply: string, timeoutMs = 20_000): Child {
  const code = `
    const reply = (request) => { ${reply} };
    require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const answer = reply(JSON.parse(line));
      if (answer !== undefined) console.log(typeof answer === "string" ? answer : JSON.stringify(answer));
    });`;
  return new Child({ program: process.execPath, args: ["-e", code], env: { SIDE_TEST: "seen" } }, timeoutMs);
}

async function using(child: Child, test: (child: Child) => Promise<void>): Promise<void> {
  try {
    await test(child);
  } finally {
    await child.end();
  }
}

describe("a side's process", () => {
  test("answers one request after the other, with the given environment", () =>
    using(
      sideOf(`return { value: request.do === "round" ? { ms: request.ms / 2, repeats: 1 } : request };`),
      async (child) => {
        expect(await child.prepare(work as NonNullable<typeof work>)).toMatchObject({
          do: "prepare",
          work: { n: 256 },
        });
        expect(await child.round(30)).toEqual({ ms: 15, repeats: 1 });
        expect(await child.round(40)).toEqual({ ms: 20, repeats: 1 });
      },
    ));

  test("reports its errors and continues", () =>
    using(sideOf(`return request.ms < 0 ? { error: "no " + process.env.SIDE_TEST } : { value: 1 };`), async (child) => {
      await expect(child.round(-1)).rejects.toThrow(new SideError("no seen"));
      expect(await child.round(1)).toBe(1);
    }));

  test("is reported with its last output when it ends", () =>
    using(sideOf(`console.error("out of luck"); process.exit(3);`), async (child) => {
      await expect(child.round(1)).rejects.toThrow(/ended with code 3: out of luck/);
    }));

  test("is reported when it prints something else or nothing", async () => {
    await using(sideOf(`return "hello";`), async (child) => {
      await expect(child.round(1)).rejects.toThrow(/no answer: hello/);
    });
    await using(sideOf("return undefined;", 300), async (child) => {
      await expect(child.round(1)).rejects.toThrow(/no answer within 0.3 s/);
    });
  });

  test("is reported when the program does not exist", () =>
    using(new Child({ program: "espalier-no-such-program", args: [], env: {} }, 5000), async (child) => {
      await expect(child.round(1)).rejects.toThrow(/ENOENT/);
    }));
});
