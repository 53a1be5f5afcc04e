// Bytes of the files of pruned networks, by layout.
import { writeModelForm } from "../../src/io/index.ts";
import { buildModel } from "../../src/models/index.ts";
import type { HostArray } from "../../src/tensor/index.ts";
import type { HostCase } from "../lib/case.ts";
import { prunedWeights, zerosText } from "./pruned.ts";

const ZEROS = { share: 0.9, size: 8 } as const;

function fileCase(name: string, channels: number, size: number): HostCase {
  return {
    kind: "host",
    group: "sparse",
    name: `file ${name} ${zerosText(ZEROS)}`,
    async measure() {
      const model = buildModel(name, { channels, size, classes: 10 });
      const pruned = prunedWeights(model, ZEROS);
      const weights = new Map<string, HostArray>();
      for (const [key, t] of model.namedState())
        weights.set(key, { data: pruned.get(key) ?? t.initialValues(), shape: t.shape });
      const bytes = (form: "dense" | "block") => writeModelForm(weights, form, {}).length;
      const [dense, block] = [bytes("dense"), bytes("block")];
      return [
        { name: "dense", value: dense, unit: "B" },
        { name: "block", value: block, unit: "B" },
        { name: "share", value: block / dense, unit: "" },
      ];
    },
  };
}

export const fileCases: readonly HostCase[] = [fileCase("lenet-bn", 1, 28), fileCase("resnet-20", 3, 32)];
