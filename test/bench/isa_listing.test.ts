// The readers of assembly, on recordings of one kernel: a loop of unknown trips around one of 4 trips and one of 100.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readAdreno } from "../../bench/isa/adreno.ts";
import { readAmd } from "../../bench/isa/amd.ts";
import { parseDump } from "../../bench/isa/dump.ts";
import { flowOf } from "../../bench/isa/flow.ts";
import type { Listing } from "../../bench/isa/listing.ts";
import { readNvidia } from "../../bench/isa/nvidia.ts";
import { stageOf } from "../../bench/isa/stage.ts";

const recording = (name: string) => {
  const file = join(import.meta.dirname, "isa_fixtures", `${name}.txt`);
  return parseDump(readFileSync(file, "utf8"), file);
};
const READERS: Record<string, (assembly: string) => Listing> = { amd: readAmd, nvidia: readNvidia, adreno: readAdreno };

test("a dump has the kernel's label without Dawn's prefix, and the statistics by name", () => {
  const { label, module, statistics } = recording("nvidia");
  expect(label).toBe("stage");
  expect(module).toMatch(/isa_fixtures\/\d+-\d+\.spv$/);
  expect(statistics["Number of GPRs"]).toBe(24);
  expect(statistics["Static cycle count"]).toBe(9415);
});

test("a dump without assembly has its statistics", () => {
  const { assembly, statistics } = recording("apple");
  expect(assembly).toBe("");
  expect(statistics["GPRs"]).toBe(27);
});

describe.each(Object.keys(READERS))("%s", (vendor) => {
  const listing = READERS[vendor]!(recording(vendor).assembly);

  test("loops have their constant trips, and the loop around them has none", () => {
    const trips = flowOf(listing).loops.map((loop) => loop.trips);
    // AMD's compiler writes the loop of 100 trips out.
    expect(trips).toEqual(vendor === "amd" ? [null, 4] : [null, 4, 100]);
  });

  test("a stage counts loops times their trips", () => {
    const { kinds, loadBits, instructions } = stageOf(listing);
    expect(kinds).toMatchObject({ fma: 100, load: 4, store: 0, sharedStore: 4, multiply: 0, divide: 0 });
    expect(loadBits).toEqual({ 32: 4 });
    expect(instructions).toBeGreaterThan(200);
    // One wide load of AMD's compiler brings two numbers.
    expect(kinds.sharedLoad).toBe(vendor === "amd" ? 100 : 200);
  });

  test("each of the four loads is waited for alone", () => {
    expect(stageOf(listing)).toMatchObject({ inFlight: 1, waits: 4 });
  });

  test("the densest part has a larger share of multiply-adds than the stage", () => {
    const { share, innerShare } = stageOf(listing);
    expect(innerShare).toBeGreaterThan(share);
    expect(innerShare).toBeLessThanOrEqual(1);
  });
});

const amd = (...lines: string[]) =>
  readAmd(lines.map((line) => (line.endsWith(":") ? line : `\t${line} ; 0`)).join("\n"));

describe("reading AMD's assembly", () => {
  test("pairs issue two instructions and count both halves", () => {
    const stage = stageOf(amd("BB0:", "v_dual_fmac_f32 v1, v2, v3 :: v_dual_fmac_f32 v4, v5, v6", "s_endpgm"));
    expect(stage).toMatchObject({ instructions: 2, kinds: { fma: 2 }, share: 1 });
  });

  test("hints and waits issue nothing", () => {
    const stage = stageOf(amd("BB0:", "s_delay_alu instid0(VALU_DEP_1)", "s_waitcnt vmcnt(0)", "s_nop 0", "s_endpgm"));
    expect(stage.instructions).toBe(0);
  });

  test("loads of one group are waited for once, though each has its own wait", () => {
    const loads = [1, 2, 3, 4].map((v) => `buffer_load_b128 v[${v}0:${v}3], v2, s[8:11], 0 offen`);
    const waits = [3, 2, 1, 0].flatMap((n) => [`s_waitcnt vmcnt(${n})`, "v_fmac_f32_e32 v1, v2, v3"]);
    const stage = stageOf(amd("BB0:", "BB1:", ...loads, ...waits, "s_cbranch_scc0 BB1", "s_endpgm"));
    expect(stage).toMatchObject({ inFlight: 4, waits: 1, loadBits: { 128: 4 } });
  });

  test("the waits of GFX12 are read", () => {
    const stage = stageOf(amd("BB0:", "buffer_load_b32 v1, v2, s[8:11], null offen", "s_wait_loadcnt 0x0", "s_endpgm"));
    expect(stage).toMatchObject({ inFlight: 1, waits: 1 });
  });

  test("matrix instructions count as multiply-adds, packed ones are counted apart", () => {
    const stage = stageOf(
      amd(
        "BB0:",
        "v_wmma_f32_16x16x16_f16 v[0:7], v[16:23], v[40:47], v[0:7]",
        "v_pk_fma_f16 v1, v2, v3, v4",
        "s_endpgm",
      ),
    );
    expect(stage).toMatchObject({ kinds: { matrix: 1, packed: 1, fma: 0 }, share: 1 });
  });

  test("a counter that guards against endless loops does not bound one", () => {
    const listing = amd(
      ...["BB0:", "s_mov_b32 s4, -1", "BB1:", "s_add_u32 s4, s4, -1", "s_cmp_eq_i32 s4, 0", "s_cbranch_scc0 BB1"],
      "s_endpgm",
    );
    expect(flowOf(listing).loops.map(({ trips }) => trips)).toEqual([null]);
  });

  test("a loop with matrix instructions is the stage, though more stores follow it", () => {
    const wmma = "v_wmma_f32_16x16x16_f16 v[0:7], v[16:23], v[40:47], v[0:7]";
    const stores = Array.from({ length: 40 }, () => "buffer_store_b16 v1, v2, s[8:11], 0 offen");
    const stage = stageOf(amd("BB0:", "BB1:", wmma, "s_cbranch_scc0 BB1", ...stores, "s_endpgm"));
    expect(stage).toMatchObject({ instructions: 2, kinds: { matrix: 1, store: 0 } });
  });
});
