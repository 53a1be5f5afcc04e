// Threshold schedules against tables computed independently in higher precision, to 1e-12.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { makeLrSchedule } from "../../src/optim/lr_scheduler.ts";
import { latsEpoch, linear, pgh, sine, slats } from "../../src/prune/schedules/closed_forms.ts";
import {
  makeThresholdSchedule,
  type ThresholdConfig,
  type ThresholdScheduleName,
  thresholdFromLambda,
} from "../../src/prune/threshold_schedule.ts";

/** The tables have 15 significant digits; the schedules are exact to 1e-12. */
function near(got: number, want: number, what = ""): void {
  expect(Math.abs(got - want), what).toBeLessThanOrEqual(1e-12);
}

const flat = { stepsPerEpoch: 1, lr: () => 0.1 };
const ofSteps = (totalSteps: number) => ({ ...flat, totalSteps, epochs: totalSteps });

describe("tables, D = 1, N = 10", () => {
  const columns: Record<string, [(x: number) => number, number[]]> = {
    slats: [
      slats,
      [
        0, 0.198363164308347, 0.387097856757728, 0.557518107400242, 0.702730691456263, 0.818309886183791,
        0.902730691456263, 0.957518107400242, 0.987097856757728, 0.998363164308347, 1,
      ],
    ],
    linear: [linear, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]],
    sine: [
      sine,
      [
        0, 0.0244717418524232, 0.0954915028125263, 0.206107373853763, 0.345491502812526, 0.5, 0.654508497187474,
        0.793892626146237, 0.904508497187474, 0.975528258147577, 1,
      ],
    ],
    "pgh 0.5": [
      (x) => pgh(x, 0.5),
      [
        0, 0.233233295660305, 0.44034532616187, 0.614890883098717, 0.75370860327845, 0.856843714188032,
        0.927170527566612, 0.969789921291046, 0.991288856283669, 0.998950913716116, 1,
      ],
    ],
    "pgh 0.1": [
      (x) => pgh(x, 0.1),
      [
        0, 0.317786866055683, 0.558194468714881, 0.730806845320109, 0.847776197233413, 0.921834547129378,
        0.964883525148417, 0.987135930069851, 0.996722554135014, 0.999650938049893, 1,
      ],
    ],
    "pgh 0.01": [
      (x) => pgh(x, 0.01),
      [
        0, 0.436343661400849, 0.698801539546592, 0.848643629195101, 0.92939424362447, 0.970063542587976,
        0.988876730252082, 0.996622018568541, 0.999284301715541, 0.999936358437517, 1,
      ],
    ],
    "lats-epoch": [
      (x) => latsEpoch(Math.round(10 * x), 10, 1),
      [
        0, 0.181818181818182, 0.359186956026832, 0.523643046424555, 0.667987160269325, 0.786988705212502,
        0.877897796121593, 0.940714432996598, 0.978188500970009, 0.995550592390469, 1,
      ],
    ],
  };
  test.each(Object.entries(columns))("%s", (_name, [f, values]) => {
    expect(values).toHaveLength(11);
    for (const [n, want] of values.entries()) near(f(n / 10), want, `n = ${n}`);
  });

  test("single points of S-LATS", () => {
    near(slats(12345 / 500500), 0.0493059930815343);
    near(slats(375375 / 500500), 0.975079079039277);
    near(slats(1 / 1000), 0.00199999835506674);
  });

  test("lats-epoch with 100 epochs, and inside an epoch", () => {
    const points = {
      1: 0.0198019801980198,
      5: 0.0988634648981343,
      10: 0.196633456978017,
      25: 0.471806963184737,
      50: 0.815132381994414,
      75: 0.973857525374702,
      90: 0.998129066050246,
      99: 0.999995114459067,
    };
    for (const [e, want] of Object.entries(points)) near(latsEpoch(7 * Number(e), 700, 7), want, `epoch ${e}`);
    for (const [e, b, want] of [
      [0, 1, 0.0454545454545455],
      [3, 2, 0.59581510334694],
      [5, 3, 0.85517052339432],
      [9, 4, 1],
    ] as const) {
      near(latsEpoch(4 * e + b, 40, 4), want, `epoch ${e}, batch ${b}`);
    }
  });
});

describe("schedules that follow the learning rate", () => {
  const epochs = 10;
  const stepsPerEpoch = 5;
  const lr = makeLrSchedule(
    { schedule: "cosine", base: 0.1, warmupEpochs: 2, per: "epoch" },
    { epochs, stepsPerEpoch },
  );
  const run = { totalSteps: 50, stepsPerEpoch, epochs, lr };

  test("lats: 10 epochs with 2 of warm-up", () => {
    const s = makeThresholdSchedule({ schedule: "lats", threshold: 1 }, run);
    const starts = [
      0, 0.0833333333333333, 0.25, 0.416666666666667, 0.576989961042607, 0.71924885947482, 0.834472478838577,
      0.91780581217191, 0.96924885947482, 0.993656627709274, 1,
    ];
    for (const [e, want] of starts.entries()) near(s.at(5 * e), want, `epoch ${e}`);
    near(s.at(17), 0.480795984417043);
  });

  test("pgh-general, beta = 0.1", () => {
    const s = makeThresholdSchedule({ schedule: "pgh-general", threshold: 1, beta: 0.1 }, run);
    const points = {
      0: 0,
      5: 0.157182971808159,
      10: 0.406892716858341,
      15: 0.605244217837503,
      17: 0.670083450888158,
      20: 0.756803789755611,
      25: 0.863627137218618,
      30: 0.932354274530614,
      35: 0.971836851945541,
      40: 0.991197211934165,
      45: 0.998493715724526,
      50: 1,
    };
    for (const [n, want] of Object.entries(points)) near(s.at(Number(n)), want, `n = ${n}`);
  });

  test("lats: the published ImageNet recipe, half a million steps", () => {
    const length = { epochs: 100, stepsPerEpoch: 5005 };
    const imagenet = makeLrSchedule({ schedule: "cosine", base: 0.256, warmupEpochs: 5, per: "epoch" }, length);
    const s = makeThresholdSchedule(
      { schedule: "lats", threshold: 1 },
      { ...length, totalSteps: 500_500, lr: imagenet },
    );
    const points = {
      1: 0.00392156862745098,
      5: 0.0588235294117647,
      10: 0.156702096631683,
      25: 0.438011618147297,
      50: 0.79992274586288,
      75: 0.971416585381873,
      90: 0.99794846722029,
      99: 0.999994639777852,
    };
    for (const [e, want] of Object.entries(points)) near(s.at(5005 * Number(e)), want, `epoch ${e}`);
    expect(thresholdFromLambda(1, 500_500, imagenet)).toBeCloseTo(65345.28, 8);
  });
});

describe("recorded values", () => {
  interface Curve {
    readonly N: number;
    readonly D: number;
    readonly n: readonly number[];
    readonly values: readonly number[];
    readonly beta?: number;
  }
  interface Recorded {
    readonly s_lats: Curve;
    readonly sine: Curve;
    readonly linear: Curve;
    readonly cubic: Curve;
    readonly pgh: readonly Curve[];
    readonly lats: { epochs: number; batches: number; D: number; values: number[][] };
  }
  const text = readFileSync(new URL("../golden/schedules.json", import.meta.url), "utf8");
  const recorded = (JSON.parse(text) as { threshold: Recorded }).threshold;
  const curves: [ThresholdScheduleName, Curve][] = [
    ["slats", recorded.s_lats],
    ["sine", recorded.sine],
    ["linear", recorded.linear],
    ["cubic", recorded.cubic],
    ...recorded.pgh.map((curve): [ThresholdScheduleName, Curve] => ["pgh", curve]),
  ];
  test.each(curves)("%s", (schedule, curve) => {
    const config: ThresholdConfig = { schedule, threshold: curve.D, beta: curve.beta };
    const s = makeThresholdSchedule(config, ofSteps(curve.N));
    expect(curve.n.length).toBeGreaterThan(5);
    for (const [i, n] of curve.n.entries()) near(s.at(n), curve.values[i]!, `n = ${n}`);
  });
  test("lats-epoch", () => {
    const { epochs, batches, D, values } = recorded.lats;
    const run = { totalSteps: epochs * batches, stepsPerEpoch: batches, epochs, lr: () => 1 };
    const s = makeThresholdSchedule({ schedule: "lats-epoch", threshold: D }, run);
    for (const [e, row] of values.entries()) {
      for (const [b, want] of row.entries()) near(s.at(e * batches + b + 1), want, `epoch ${e}, batch ${b + 1}`);
    }
  });
});

describe("refusals", () => {
  const cases: [string, ThresholdConfig, RegExp][] = [
    ["beta 0", { schedule: "pgh", threshold: 1, beta: 0 }, /beta: expected a number > 0, got 0/],
    ["beta missing", { schedule: "pgh-general", threshold: 1 }, /beta: expected a number > 0, got undefined/],
    ["beta negative", { schedule: "pgh", threshold: 1, beta: -0.5 }, /beta: expected a number > 0, got -0.5/],
    ["no height", { schedule: "lats" }, /expected exactly one of threshold, lambda, got none/],
    [
      "two heights",
      { schedule: "lats", threshold: 1, lambda: 1 },
      /expected exactly one of threshold, lambda, got threshold and lambda/,
    ],
    ["negative threshold", { schedule: "lats", threshold: -1 }, /threshold: expected a finite number >= 0, got -1/],
    ["negative lambda", { schedule: "lats", lambda: -1 }, /lambda: expected a finite number >= 0, got -1/],
    [
      "late start",
      { schedule: "lats", threshold: 1, pruningStartStep: 12 },
      /pruningStartStep: expected .*\[0, 11\], got 12/,
    ],
    ["long window", { schedule: "lats", threshold: 1, windowSteps: 13 }, /windowSteps: expected .*\[1, 12\], got 13/],
    [
      "broken epoch",
      { schedule: "lats-epoch", threshold: 1, windowSteps: 6 },
      /whole epochs \(a multiple of 4\).*got 6/,
    ],
    ["a name", { schedule: "lat" as "lats", threshold: 1 }, /schedule: expected one of lats, /],
  ];
  const run = { totalSteps: 12, stepsPerEpoch: 4, epochs: 3, lr: () => 0.1 };
  test.each(cases)("%s", (_name, config, message) => {
    expect(() => makeThresholdSchedule(config, run)).toThrow(message);
  });
  test("a learning rate that is negative, not a number or always 0", () => {
    const lats: ThresholdConfig = { schedule: "lats", threshold: 1 };
    expect(() => makeThresholdSchedule(lats, { ...run, lr: (n) => 1 - n })).toThrow(/step 2: .* got -1/);
    expect(() => makeThresholdSchedule(lats, { ...run, lr: () => Number.NaN })).toThrow(/got NaN/);
    expect(() => makeThresholdSchedule(lats, { ...run, lr: () => 0 })).toThrow(/sum > 0, got 0/);
  });
  test("steps that are not integers >= 0", () => {
    const s = makeThresholdSchedule({ schedule: "lats", threshold: 1 }, run);
    expect(() => s.at(-1)).toThrow(/n: expected an integer >= 0, got -1/);
    expect(() => s.at(1.5)).toThrow(RangeError);
  });
});
