// Writes the results of a finished run: models, figures, the model card and result.json.
import {
  OpError,
  type Session,
  type SpikeFigure,
  type StateDict,
  safetensorsParts,
  writeSparseModel,
} from "../internal.ts";
import type { RunDirectory } from "../node_internal.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { isSpiking } from "../recipe/spiking.ts";
import type { Splits } from "../recipe/splits.ts";
import type { Output } from "../terminal/output.ts";
import type { RunBoard } from "./board.ts";
import { cardFacts, type RunResult } from "./card.ts";
import { figureLines, NO_FIGURE, writeFigure } from "./figures.ts";
import { modelMetadata, normalisation } from "./model_file.ts";
import type { Row } from "./rows.ts";

export const METRICS = "metrics.jsonl";
export const INFO = "run.json";
export const RESULT = "result.json";
const ONNX = "model.onnx";

interface FinishedRun {
  readonly recipe: Recipe;
  readonly out: Output;
  readonly directory: RunDirectory;
  readonly board: RunBoard;
  readonly data: Splits;
  readonly rows: readonly Row[];
  /** Content of run.json. */
  readonly info: Readonly<Record<string, unknown>>;
  /** Commands that started and continued the run. */
  readonly commands: readonly string[];
  /** Changes of the settings during the run, one per line. */
  readonly changes: readonly string[];
}

/** Write all results, result.json last: a run that has it is finished. Return the lines that list them. */
export async function writeResults(
  run: FinishedRun,
  session: Session,
  result: RunResult,
  spikes: SpikeFigure | null,
): Promise<string[]> {
  const { recipe, directory } = run;
  const weights = await session.weights();
  const metadata = {
    ...modelMetadata(recipe, run.data, session, result.threshold),
    [result.metric]: String(result.score),
    sparsity: String(result.sparsity),
    ...(result.rawAccuracy === undefined || Number.isNaN(result.rawAccuracy)
      ? {}
      : { rawAccuracy: String(result.rawAccuracy) }),
  };
  await directory.write("model.safetensors", safetensorsParts(weights, metadata));
  await directory.write("model.sparse.safetensors", writeSparseModel(weights, metadata));
  const onnxProblem = await writeOnnx(run, session, weights, metadata);
  const { data } = run;
  const title = `${recipe.model.name} on ${recipe.data.name}`;
  const plot = await writeFigure(
    { ...run, name: "plot" },
    () => import("../report/plot.ts"),
    ({ renderRunPlot }) =>
      renderRunPlot(run.rows, {
        title: `${title}, ${session.method.name}`,
        metric: result.metric,
        loss: recipe.loss ?? (data.train.classes.length > 0 ? undefined : "mse"),
      }),
  );
  if (plot.png) run.board.picture("plot", plot.png, result.steps);
  const spikePlot = spikes
    ? await writeFigure(
        { ...run, name: "spikes" },
        () => import("../report/spike_plot.ts"),
        ({ renderSpikePlot }) => renderSpikePlot(spikes, { title }),
      )
    : NO_FIGURE;
  await writeCard(run, result, onnxProblem === null);
  await directory.write(RESULT, `${JSON.stringify(result, null, 2)}\n`);
  return ["", ...figureLines("plot", plot), ...figureLines("spikes", spikePlot), ...resultLines(run, onnxProblem)];
}

/** Write the model as ONNX. If it cannot be exported, return the reason: the run succeeds without the file. */
async function writeOnnx(
  { recipe, directory, out }: FinishedRun,
  session: Session,
  weights: StateDict,
  metadata: Record<string, string>,
): Promise<string | null> {
  const { exportOnnx } = await import("../export/index.ts");
  try {
    const options = { input: session.sample, weights, name: recipe.model.name, metadata };
    await directory.write(ONNX, exportOnnx(session.model, options));
    return null;
  } catch (error) {
    if (!(error instanceof OpError)) throw error;
    out.emit({ kind: "note", file: ONNX, problem: error.message });
    return error.message;
  }
}

async function writeCard(run: FinishedRun, result: RunResult, hasOnnx: boolean): Promise<void> {
  const { recipe, data, commands, changes, info } = run;
  const { modelCard } = await import("../export/index.ts");
  const batch = isSpiking(recipe.model.name) ? "one time step" : "for any batch";
  const onnx = { name: ONNX, holds: `the network with its weights as ONNX: ${batch}` };
  const files = [
    { name: "model.safetensors", holds: "effective weights, zeros included, under the names of PyTorch's state_dict" },
    { name: "model.sparse.safetensors", holds: "the same weights as bitmasks and nonzero values" },
    ...(hasOnnx ? [onnx] : []),
    { name: "checkpoints", holds: "the latest and the best state of training, to resume from" },
    ...(recipe.trail === "off" ? [] : [{ name: "trail", holds: "sparse models of epochs" }]),
    { name: "tensorboard", holds: "event files: curves, histograms of weights, pictures" },
    { name: METRICS, holds: "all records of the run, one JSON object per line" },
    { name: RESULT, holds: "the results, layer by layer" },
    { name: "config.yaml", holds: "the recipe, with comments" },
    { name: INFO, holds: "versions, adapter, command" },
  ];
  const normalise = normalisation(recipe, data.train);
  const card = modelCard(cardFacts({ recipe, result, data, normalise, commands, changes, info, files }));
  await run.directory.write("README.md", card);
  run.board.text("card", card, result.steps);
}

function resultLines({ directory, board }: FinishedRun, onnxProblem: string | null): string[] {
  const at = (name: string) => directory.path(name);
  return [
    `sparse model   ${at("model.sparse.safetensors")}`,
    `dense layout   ${at("model.safetensors")}  (PyTorch names)`,
    onnxProblem === null ? `ONNX           ${at(ONNX)}` : `ONNX           not written: ${onnxProblem}`,
    `model card     ${at("README.md")}`,
    `metrics        ${at(METRICS)}`,
    `TensorBoard    tensorboard --logdir ${board.folder}`,
  ];
}
