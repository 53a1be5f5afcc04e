// Files of `espalier bench-model`: writes the model in every layout, and times the way from a file to the first logits.
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type HostArray,
  MODEL_FORMS,
  noGrad,
  numel,
  readAll,
  Scope,
  type SpeedForms,
  type SpeedSpread,
  type StateDict,
  sparsify,
  speedSamples,
  spreadOf,
  tensor,
  writeModelForm,
} from "../internal.ts";
import { readRegularSync } from "../node/regular_file.ts";
import { compactMetadata, mergedSizes, readSizes } from "../recipe/compact_metadata.ts";
import type { SpeedFile } from "../report/speed_report.ts";
import { hasNeurons } from "../run/nir_model.ts";
import { type OnnxSpeed, onnxSpeed } from "../run/onnx_speed.ts";
import { openWeightsFile } from "../run/weights_in.ts";
import type { Output } from "../terminal/output.ts";
import type { BenchFlags } from "./bench_model_accuracy.ts";
import { type Known, networkOf } from "./export.ts";

type Metadata = Readonly<Record<string, string>>;
type Weights = ReadonlyMap<string, HostArray>;

/** An ONNX file, and the session that runs it. */
export interface BenchOnnx {
  readonly bytes: Uint8Array;
  readonly speed: OnnxSpeed;
}

/** Export the network as ONNX and open it; null, with a note, if that is not possible. */
export async function onnxOf(
  known: Known,
  parts: { readonly flags: BenchFlags; readonly metadata: Metadata; readonly notes: string[]; readonly out: Output },
): Promise<BenchOnnx | null> {
  const { flags, metadata, notes, out } = parts;
  if (flags.onnx === false) return null;
  const name = known.facts["model"]!;
  if (hasNeurons(name)) {
    notes.push(`no times of ONNX Runtime: ${name} is exported as one time step`);
    return null;
  }
  const { exportOnnx } = await import("../export/index.ts");
  const { model, input, weights } = known;
  const bytes = exportOnnx(model, { input, weights, name, metadata });
  const speed = await onnxSpeed(bytes, input, { ...out, say: (line) => notes.push(line) });
  return speed && { bytes, speed };
}

/** Names of the files, by layout and for the compacted network. */
const fileOf = (folder: string, name: string) => join(folder, `${name}.safetensors`);
/** File of each form. */
const FORM_FILES: Readonly<Record<string, string>> = {
  dense: "dense",
  "sparse kernels": "block",
  compact: "compact",
  "compact, sparse kernels": "compact-block",
};
const LABELS: Readonly<Record<string, string>> = { int8: "int8 weights", "compact-block": "compact, block" };

interface FileParts {
  readonly known: Known;
  readonly forms: SpeedForms;
  readonly metadata: Metadata;
  readonly onnx: Uint8Array | null;
}

/** Write the model in every layout, and the compacted one. Returns the sizes of the files. */
export function writeFiles(folder: string, { known, forms, metadata, onnx }: FileParts): SpeedFile[] {
  const files: SpeedFile[] = [];
  const write = (name: string, bytes: Uint8Array, path = fileOf(folder, name)) => {
    writeFileSync(path, bytes);
    files.push({ layout: LABELS[name] ?? name, bytes: statSync(path).size });
  };
  for (const form of MODEL_FORMS) write(form, writeModelForm(known.weights, form, metadata));
  if (forms.compacted) {
    const { weights, sizes } = forms.compacted;
    const before = readSizes(new Map(Object.entries(metadata)), "the model").compact;
    const { compact: _, ...about } = metadata;
    const facts = { ...about, ...compactMetadata(mergedSizes(before, sizes)) };
    write("compact", writeModelForm(weights as Weights, "dense", facts));
    write("compact-block", writeModelForm(weights as Weights, "block", facts));
  }
  if (onnx) write("ONNX", onnx, join(folder, "model.onnx"));
  return files;
}

/** Read a file, build its network, and compute the logits of one sample. */
async function loadForm(file: string, x: Float32Array, kernels: BenchFlags["kernels"] | null): Promise<void> {
  const known = await networkOf({}, await openWeightsFile(file), file);
  const { model, input, weights } = known!;
  using _scope = new Scope();
  model.loadStateDict(weights as StateDict);
  model.eval();
  using _sparse = kernels ? await sparsify(model, { kernels, sample: input }) : null;
  await readAll(noGrad(() => model.forward(tensor(x, [1, ...input]))));
  model.dispose();
}

interface LoadParts {
  readonly known: Known;
  readonly forms: SpeedForms;
  readonly onnx: BenchOnnx | null;
  readonly flags: BenchFlags;
}

const MOST_LOADS = 9;

/** Time the way from each form's file to the first logits, in interleaved rounds after one that compiles the kernels. */
export async function loadTimes(
  folder: string,
  { known, forms, onnx, flags }: LoadParts,
): Promise<ReadonlyMap<string, SpeedSpread>> {
  const x = speedSamples(numel(known.input));
  const { kernels = "auto", rounds = MOST_LOADS } = flags;
  const loads = new Map<string, () => Promise<unknown>>(
    forms.forms.map((form) => {
      const file = fileOf(folder, FORM_FILES[form.name]!);
      return [form.name, () => loadForm(file, x, form.kernels.length > 0 ? kernels : null)];
    }),
  );
  if (onnx) loads.set(onnx.speed.way.name, () => onnx.speed.load(readRegularSync(join(folder, "model.onnx")), x));
  const times = new Map([...loads.keys()].map((name) => [name, [] as number[]]));
  for (const load of loads.values()) await load();
  for (let round = 0; round < Math.min(rounds, MOST_LOADS); round++) {
    for (const [name, load] of round % 2 === 0 ? loads : [...loads].reverse()) {
      const started = performance.now();
      await load();
      times.get(name)!.push(performance.now() - started);
    }
  }
  return new Map([...times].map(([name, all]) => [name, spreadOf(all)]));
}
