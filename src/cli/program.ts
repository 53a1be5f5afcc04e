// The command tree of `espalier`: train, trail, compare, eval, inspect, pack, predict, export, info, setup, doctor.
import { Command, CommanderError, Option } from "commander";
import { ENCODERS, models, NEURONS, onWarning, SURROGATES, THRESHOLD_SCHEDULES } from "../index.ts";
import { IMAGE_DATA } from "../recipe/data_names.ts";
import { EVENT_DATA } from "../recipe/event_data.ts";
import { METHOD_NAMES } from "../recipe/methods.ts";
import { flagNames, settingsFrom, type TrainCommandFlags } from "../recipe/train_flags.ts";
import { weightOptions } from "../run/weights_in.ts";
import { number, whole as wholeFrom } from "../terminal/arguments.ts";
import { report } from "../terminal/fail.ts";
import { strictOptions } from "../terminal/flag_rules.ts";
import { makeOutput } from "../terminal/output.ts";
import { writeLine, writeText } from "../terminal/terminal.ts";
import { addCompareCommand } from "./compare.ts";
import { type EvalFlags, runEval } from "./eval.ts";
import { addExportCommand } from "./export.ts";
import { gpuOptions } from "./gpu_options.ts";
import { type InfoFlags, runInfo } from "./info.ts";
import { addInspectCommand } from "./inspect.ts";
import { layoutOptions } from "./layout_options.ts";
import { addPackCommand } from "./pack.ts";
import { addPredictCommand } from "./predict.ts";
import { runDoctor, runSetup } from "./setup.ts";
import { addTrailCommand } from "./trail.ts";
import { runTrain } from "./train.ts";

const whole = wholeFrom(0);
const list = (text: string): string[] => text.split(",").map((part) => part.trim());

const modelNames = Object.keys(models);
const dataNames = [...IMAGE_DATA, ...EVENT_DATA];

/** The command tree; `done` receives the exit code. `argv`: the words that it will be asked to parse. */
export function program(done: (code: number) => void, argv: readonly string[] = []): Command {
  const root = new Command("espalier")
    .description("Trains and prunes neural networks on WebGPU, in Node and in browsers.")
    .showSuggestionAfterError()
    .exitOverride()
    // Usage errors repeat what was typed, or what a script put in its place.
    .configureOutput({ writeErr: (text) => writeText(process.stderr, text) });

  layoutOptions(gpuOptions(root.command("train")))
    .summary("train and prune a network")
    .description(
      "Trains a network while soft-threshold pruning makes it sparse. Settings come from the defaults (LeNet-BN on\nMNIST), then a YAML recipe, then flags. Results go to a directory: metrics, checkpoints, models and a plot.",
    )
    .argument("[recipe]", "YAML file of settings; see recipes/")
    .addOption(new Option("--model <name>", "network").choices(modelNames))
    .option("--checkpoint-blocks", "keep less memory: run the network's blocks again in backward")
    .option("-T, --time-steps <n>", "steps of a spiking network, frames of event data", whole)
    .addOption(new Option("--neuron <name>", "spiking: without leak, with, with a learned one").choices([...NEURONS]))
    .option("--tau <steps>", "spiking: time constant of the neurons", number)
    .addOption(new Option("--surrogate <name>", "spiking: derivative of the step").choices([...SURROGATES]))
    .addOption(new Option("--encoder <name>", "spiking: how images become spikes").choices([...ENCODERS]))
    .addOption(new Option("--data <name>", "images, or events: made here, or recorded").choices(dataNames))
    .option("--data-dir <folder>", "folder of the images, of the IDX files, gzipped or not, or of the recordings")
    .addOption(new Option("--by <what>", "event data: frames of equal number or time").choices(["number", "time"]))
    .option("--frame-size <pixels>", "event data: bin frames to this height and width", whole)
    .option("--size <pixels>", "data images: side of the square that the network sees; default 224", whole)
    .option("--resize <pixels>", "data images: shorter side before the central square is tested", whole)
    .option("--skip-bad <n>", "data images: pass over so many damaged ones before stopping; default 0", whole)
    .option("--mapping <file>", "data images: the class of each image of a folder val without class folders")
    .option("--held-out <share>", "data images: share to test with where there is no test set; default 0.1", number)
    .option("--workers <n>", "data images: decoded at a time; default two for each core", whole)
    .option(
      "--limit <n>",
      "only so many samples of each class; of images, to train with only: the test set stays whole",
      whole,
    )
    .option("--weights <file>", "begin with the weights of a saved model, ours or PyTorch's")
    .option("--new-head", "with --weights: the last layer begins anew where the classes are others")
    .option("--key <name>", "with --weights: the dict to take of a file with several, dotted, as ema.state_dict")
    .option("--allow-missing <patterns...>", "with --weights: names that the file may lack, as fc.* or fc.bias")
    .option("--allow-unexpected <patterns...>", "with --weights: names of the file to leave out, as head.*")
    .option("--epochs <n>", "passes over the training images", whole)
    .option("--finetune <epochs>", "epochs after those, with the zeros kept, at a low learning rate", whole)
    .option("--batch-size <n>", "images per step", whole)
    .option("--micro-batch <n>", "images that the GPU holds at once: a step goes through its batch in parts", whole)
    .option("--lr <rate>", "learning rate at the start of its decay", number)
    .addOption(new Option("--lr-schedule <name>").choices(["constant", "cosine", "multistep", "step"]))
    .option("--warmup <epochs>", "epochs of linear rise to the learning rate", number)
    .option("--momentum <mu>", "momentum of SGD", number)
    .option("--nesterov", "Nesterov's form of the momentum")
    .option("--weight-decay <wd>", "L2 coefficient, on the latent weights", number)
    .option("--label-smoothing <e>", "share of the target spread over all classes", number)
    .addOption(new Option("--method <name>", "what decides which weights go").choices([...METHOD_NAMES]))
    .addOption(new Option("--schedule <name>", "how the threshold rises").choices([...THRESHOLD_SCHEDULES]))
    .option("--threshold <D>", "final threshold; more prunes more", number)
    .option("--lambda <l1>", "L1 coefficient instead of D", number)
    .option("--sparsity <share>", "share of zeros to end at instead of D, as 0.9", number)
    .option("--dense <layers>", "leave layers alone: first,last, names, /regular expressions/", list)
    .option("--start-epoch <epoch>", "dense epochs before pruning begins", number)
    .option("--window <epochs>", "epochs in which the threshold rises, or gmp cuts", number)
    .option("--freeze-epoch <epoch>", "from here on zeros stay zero, the rest is trained on", number)
    .option("--str-start <s>", "str: first s; the threshold is sigmoid(s)", number)
    .option("--str-decay <wd>", "str: weight decay of s, which raises the threshold", number)
    .option("--ltp-l0 <cost>", "ltp: price of all weights; more prunes more", number)
    .option("--ltp-temperature <T0>", "ltp: width of the soft gate", number)
    .option("--ltp-lr <rate>", "ltp: learning rate of the thresholds", number)
    .addOption(new Option("--mode <name>", "latent: may regrow; inplace: proximal SGD").choices(["latent", "inplace"]))
    .option("--beta <b>", "pgh: pressure at the end over pressure at the start", number)
    .option("--crop <pixels>", "augment: random crop after padding", whole)
    .option("--flip", "augment: random left-right flip")
    .option("--no-flip", "augment: none, where the data's defaults have it")
    .option("--seed <n>", "of all random numbers", whole)
    .addOption(
      new Option("--trail [keep]", "keep a sparse model of each epoch; see espalier trail").choices(["all", "pareto"]),
    )
    .option("--checkpoint-every <steps>", "save after this many steps, besides each epoch", whole)
    .option("--log-every <steps>", "steps between two rows of metrics", whole)
    .option("--out <folder>", "where results go")
    .option("--overwrite", "start anew in a folder that holds a run")
    .option(
      "--resume <folder>",
      "go on with a run; auto: begin, or go on where the folder of --out or the recipe holds it",
    )
    .option(
      "--restarts <n>",
      "go on by itself so often when the GPU is lost; default 1, counted anew after a checkpoint",
      whole,
    )
    .option(
      "--dry-run",
      "say what the run would be and what the data are, and time a few steps; writes a sheet of images alone",
    )
    .addOption(
      new Option("--tune <mode>", "try kernels first: auto does so on hardware").choices(["off", "auto", "on"]),
    )
    .addHelpText(
      "after",
      `
Examples
  $ espalier train                                        LeNet-BN on MNIST, three epochs, about 93 % sparse
  $ espalier train --threshold 0.2 --epochs 10            sparser, for longer
  $ espalier train --data fashion-mnist --seed 1          other images
  $ espalier train --method dense                         the dense network, to compare
  $ espalier train --sparsity 0.95 --trail                95 % zeros, and a sparse model of every epoch
  $ espalier train --method gmp --sparsity 0.9            magnitude pruning; str, ltp, snip ... see docs/pruning.md
  $ espalier train --model spiking-cnn -T 4               spiking neurons, four time steps
  $ espalier train --data events                          moving shapes seen by an event camera
  $ espalier train recipes/mnist_lenet.yaml --out runs/a  settings from a file
  $ espalier train --resume runs/a                        after Ctrl-C or a crash
  $ espalier train my.yaml --resume auto                  one command for the first start and every later one`,
    )
    .action(async (recipe: string | undefined, flags: TrainCommandFlags) => {
      const { adapter, requireGpu, tune, watchdog, restarts, resume, overwrite, dryRun, json } = flags;
      done(
        await runTrain({
          ...(recipe === undefined ? {} : { recipe }),
          settings: settingsFrom(flags),
          flagOf: flagNames(flags),
          ...(resume === undefined ? {} : { resume }),
          overwrite: overwrite ?? false,
          dryRun: dryRun ?? false,
          json: json ?? false,
          adapter,
          requireGpu,
          tune,
          watchdog,
          restarts,
          modelNames,
          command: ["espalier", ...argv],
        }),
      );
    });

  addTrailCommand(root, done);
  addCompareCommand(root, done);

  weightOptions(layoutOptions(gpuOptions(root.command("eval"))))
    .summary("test a saved model")
    .description("Accuracy, loss and sparsity of a model that `espalier train` saved, dense or sparse.")
    .argument("<path>", "a run's directory, or a file of weights")
    .addOption(new Option("--model <name>", "network, if the file does not say").choices(modelNames))
    .addOption(new Option("--data <name>", "images or events, if not the file's own").choices(dataNames))
    .option("--data-dir <folder>", "folder of the images, IDX files or recordings, if not the run's own")
    .option(
      "--size <pixels>",
      "data images: side of the square that the network sees; default the run's, or 224",
      whole,
    )
    .option("--resize <pixels>", "data images: shorter side before the central square is cut", whole)
    .option("--skip-bad <n>", "data images: pass over so many damaged ones before stopping; default 0", whole)
    .option("--mapping <file>", "data images: the class of each image of a folder val without class folders")
    .option("--held-out <share>", "data images: share to test with where there is no test set", number)
    .option("--workers <n>", "data images: decoded at a time; default two for each core", whole)
    .option("--limit <n>", "event data: only so many samples of each class; images are always tested whole", whole)
    .option("--activity", "operations and energy too; of a spiking network they are always shown")
    .option("--batch-size <n>", "samples at a time; default 500, of a spiking model as in training", whole)
    .addHelpText("after", "\nExample\n  $ espalier eval runs/mnist_lenet")
    .action(async (path: string, flags: Omit<EvalFlags, "path"> & { json?: boolean }) => {
      done(await runEval({ ...flags, path }, makeOutput(flags.json ?? false)));
    });

  addInspectCommand(root, done);
  addPackCommand(root, done);
  addPredictCommand(root, done);
  addExportCommand(root, done);

  gpuOptions(root.command("info"))
    .summary("the adapter, its limits, a model's layers and memory")
    .description(
      "Shows the GPU adapter and what it can do, with --model the layers of a network, and with --batch the memory that\ntraining it takes, without training it.",
    )
    .addOption(new Option("--model <name>", "network to summarise").choices(modelNames))
    .option("--channels <n>", "channels of the images; default 1", wholeFrom(1))
    .option("--size <n>", "height and width of the images; default 28", wholeFrom(1))
    .option("--classes <n>", "number of classes; default 10", wholeFrom(1))
    .option("-T, --time-steps <n>", "steps of a spiking network", whole)
    .option("--batch <n>", "predict the GPU memory of training with this many images a step", whole)
    .option("--micro-batch <n>", "predict for steps that go through their batch in parts of so many images", whole)
    .option("--dense", "predict for training without pruning")
    .option("--checkpoint-blocks", "predict for training that runs the network's blocks again in backward")
    .option("--no-gpu", "leave the adapter out")
    .addHelpText("after", "\nExample\n  $ espalier info --model resnet-20 --channels 3 --size 32 --batch 128")
    .action(async (flags: InfoFlags & { json?: boolean }) => {
      done(await runInfo(flags, makeOutput(flags.json ?? false)));
    });

  root
    .command("setup")
    .summary("install a software GPU driver where there is none")
    .description(
      "Makes sure that there is a WebGPU adapter: shows its plan, then puts a software Vulkan driver into the user's cache.\nThe system is changed with --system only, or with a yes on a terminal.",
    )
    .option("--system", "a yes to installing into the system, with apt and root's rights, instead")
    .addOption(
      new Option("--driver <way>", "take this way only; apt needs a yes").choices(["mesa", "swiftshader", "apt"]),
    )
    .action(async (flags: { system?: boolean; driver?: "mesa" | "swiftshader" | "apt" }) =>
      done(await runSetup(flags)),
    );
  root
    .command("doctor")
    .summary("check the adapter without changing anything")
    .action(async () => done(await runDoctor()));
  return strictOptions(root);
}

/** Runs a command line. Returns the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  let code = 0;
  const quiet = onWarning((message) => writeLine(process.stderr, `espalier: warning: ${message}`));
  try {
    await program((c) => {
      code = c;
    }, argv).parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return report(error);
  } finally {
    quiet();
  }
}
