// Flags of commands that build the network of a file of weights.
import type { Command } from "commander";
import { whole } from "../terminal/arguments.ts";

/** Add the sizes that a file of weights may lack. `otherwise`: default of the size of the images. */
export const sizeOptions = (command: Command, otherwise = "the file's"): Command =>
  command
    .option("--classes <n>", "outputs of the network (default those of the file's last layer)", whole(1))
    .option("--channels <n>", "channels of the input images (default the file's, or 3)", whole(1))
    .option("--size <pixels>", `height and width of the input images (default ${otherwise})`, whole(1));

/** Settings that name the network. */
export const MODEL_OF_FILE = {
  "model.name": { otherwise: "the file's" },
  "model.timeSteps": { help: "simulation steps of a spiking network", otherwise: "the file's, or 4" },
} as const;

/** Settings that choose the weights of a file. */
export const WEIGHTS_OF_FILE = { weightsKey: {}, allowMissing: {}, allowUnexpected: {} } as const;
