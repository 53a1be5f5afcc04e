// The JSON file of a benchmark run: its format, writing it, and reading it with checks.
import { z } from "zod";

export const FORMAT = "espalier-bench/1";

const positive = z.number().nonnegative();

const variantSchema = z.object({
  name: z.string(),
  /** Median milliseconds of a run. */
  ms: positive,
  /** Half the distance of the quartiles, as a share of the median. */
  spread: positive,
  /** Milliseconds of a run, by round. */
  rounds: z.array(positive).min(1),
  /** Runs per round. */
  repeats: z.int().positive(),
  clock: z.enum(["queue", "timestamp"]),
  /** Speedup over the case's first variant. */
  ratio: positive,
  /** First run minus a warm one. */
  compileMs: positive,
  /** Largest error as a share of the largest value. */
  deviation: positive,
});

const kernelSchema = z.object({
  kind: z.literal("kernel"),
  group: z.string(),
  name: z.string(),
  flops: positive,
  bytes: positive,
  variants: z.array(variantSchema).min(1),
});

const hostSchema = z.object({
  kind: z.literal("host"),
  group: z.string(),
  name: z.string(),
  figures: z.array(z.object({ name: z.string(), value: z.number(), unit: z.string() })),
});

const failureSchema = z.object({
  kind: z.literal("failure"),
  group: z.string(),
  name: z.string(),
  error: z.string(),
});

const gaugeSchema = z.object({
  /** Bytes read and written per second of the best copy, in GB/s. */
  copyGBs: z.number().positive(),
  /** Multiply-adds of the best chain, two operations each, in GFLOP/s. */
  fmaGFlops: z.number().positive(),
  copies: z.array(z.object({ bytes: positive, perThread: z.int(), gbs: positive })),
  chains: z.array(z.object({ chains: z.int(), gflops: positive })),
});

export const resultsSchema = z.object({
  format: z.literal(FORMAT),
  /** False for a run that is unfinished or was stopped. */
  complete: z.boolean(),
  started: z.string(),
  commit: z.string().nullable(),
  versions: z.record(z.string(), z.string().nullable()),
  adapter: z.object({
    vendor: z.string(),
    architecture: z.string(),
    device: z.string(),
    /** Name and driver, as reported by the driver. */
    description: z.string(),
    software: z.boolean(),
    subgroupSize: z.int(),
    features: z.array(z.string()),
  }),
  settings: z.object({
    rounds: z.int(),
    budget: z.number(),
    roundMs: z.number(),
    clock: z.enum(["queue", "timestamp"]),
    filter: z.array(z.string()),
    large: z.boolean(),
    /** Null if the host cannot tell. */
    shaderCache: z.boolean().nullable(),
  }),
  gauge: gaugeSchema,
  cases: z.array(z.discriminatedUnion("kind", [kernelSchema, hostSchema, failureSchema])),
});

export type VariantResult = z.infer<typeof variantSchema>;
export type KernelResult = z.infer<typeof kernelSchema>;
export type HostResult = z.infer<typeof hostSchema>;
export type Failure = z.infer<typeof failureSchema>;
export type CaseResult = KernelResult | HostResult | Failure;
export type Gauge = z.infer<typeof gaugeSchema>;
export type Results = z.infer<typeof resultsSchema>;

/** Error for a file that is not a benchmark result. */
export class ResultsError extends Error {
  override readonly name = "ResultsError";
}

/** Read a result. Errors: ResultsError that names the file and the wrong field or format. */
export function parseResults(text: string, file: string): Results {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (cause) {
    throw new ResultsError(`${file}: is not JSON: ${(cause as Error).message}`);
  }
  const format = (data as { format?: unknown } | null)?.format;
  if (format !== FORMAT) {
    const given = format === undefined ? "no format" : JSON.stringify(format);
    throw new ResultsError(`${file}: format: expected ${JSON.stringify(FORMAT)}, got ${given}`);
  }
  const parsed = resultsSchema.safeParse(data);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new ResultsError(`${file}: ${issue?.path.join(".") || "the whole"}: ${issue?.message}`);
  }
  return parsed.data;
}

/** Write JSON text with one line per case, so that a diff shows the changed cases. */
export function formatResults(results: Results): string {
  const { cases, ...head } = results;
  const lines = cases.map((c) => `    ${JSON.stringify(c)}`);
  const body = JSON.stringify(head, null, 2).replace(/\n\}$/, "");
  return `${body},\n  "cases": [${lines.length > 0 ? `\n${lines.join(",\n")}\n  ` : ""}]\n}\n`;
}
