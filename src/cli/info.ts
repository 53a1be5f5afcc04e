// `espalier info`: the adapter and its limits, and what a model is made of.
import { buildModel, models, summarize } from "../index.ts";
import { type AdapterFlags, adapterLines, openGpu } from "./adapter.ts";
import type { Output } from "./json_log.ts";
import { renderSummary } from "./summary_table.ts";

export interface InfoFlags extends AdapterFlags {
  readonly model?: string;
  readonly channels: number;
  readonly size: number;
  readonly classes: number;
  readonly gpu: boolean;
}

export async function runInfo(flags: InfoFlags, out: Output): Promise<number> {
  if (flags.gpu) {
    const gpu = await openGpu(flags);
    for (const line of adapterLines(gpu.adapter)) out.say(line);
    out.emit({ kind: "adapter", ...gpu.adapter });
    gpu.destroy();
  }
  if (flags.model) {
    const input = { channels: flags.channels, size: flags.size, classes: flags.classes };
    const summary = summarize(buildModel(flags.model, input), [input.channels, input.size, input.size]);
    out.say("");
    out.say(renderSummary(flags.model, summary));
    out.emit({ kind: "model", name: flags.model, ...summary });
  } else {
    out.say("");
    out.say("models (espalier info --model NAME shows one):");
    for (const [name, { doc }] of Object.entries(models)) out.say(`  ${name.padEnd(14)} ${doc}`);
  }
  return 0;
}
