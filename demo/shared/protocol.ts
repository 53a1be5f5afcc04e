// Messages between the page and its worker. The worker owns the GPU and the data; the page sends commands and draws
// reports. A lane is one network in training: 0 uses the chosen method, 1 the method it is compared with.
import type { Settings } from "./settings.ts";

export type Lane = 0 | 1;

/** A change of the final threshold D before step `step`. */
export interface ThresholdMove {
  readonly step: number;
  readonly threshold: number;
}

/** Tempo of a run by the clock: four times longer than normal, about 25 seconds, or as fast as possible. */
export type Tempo = "slow" | "normal" | "max";

/** File format of a saved model: safetensors with every weight, safetensors with non-zero weights only, or ONNX. */
export type ModelForm = "dense" | "sparse" | "onnx";

export type Command =
  /** Open a GPU; the first command. `assets`: address of the page's folder, where the digits are. */
  | { readonly kind: "open"; readonly assets: string }
  /**
   * Rebuild the networks and pause before the first step. `warm`: first compile the kernels of a step and of a test. `moves`: changes of
   * D that the run makes by itself, by step.
   */
  | {
      readonly kind: "build";
      readonly settings: Settings;
      readonly warm?: boolean;
      readonly moves?: readonly ThresholdMove[];
    }
  /** Set the tempo of this run and later ones; default: as fast as possible. */
  | { readonly kind: "tempo"; readonly tempo: Tempo }
  | { readonly kind: "run" }
  | { readonly kind: "pause" }
  /** Run this many steps of each lane, then pause. */
  | { readonly kind: "step"; readonly steps: number }
  /** Change the final threshold of all lanes that have one, also during training and after the end. */
  | { readonly kind: "threshold"; readonly final: number }
  /** Reports that the worker sends in addition. `tests`: tests on a part of the test set, several in each epoch. */
  | {
      readonly kind: "watch";
      readonly pictures: boolean;
      readonly timeline: boolean;
      readonly spikes: boolean;
      readonly tests?: boolean;
    }
  /** Load the visitor's files: IDX files, gzipped or not, or images in folders named after their classes. */
  | { readonly kind: "files"; readonly files: readonly { readonly path: string; readonly file: File }[] }
  /** Classify a square of grey values 0 to 255, bright on dark. It is fitted unless it has the network's input size. */
  | { readonly kind: "classify"; readonly id: number; readonly pixels: Uint8Array; readonly size: number }
  /** Request a random test image. */
  | { readonly kind: "sample"; readonly id: number }
  | { readonly kind: "export"; readonly lane: Lane; readonly what: ModelForm }
  /** Measure the speed and the files of a network. Training waits meanwhile. */
  | { readonly kind: "speed"; readonly lane: Lane }
  /** Load a model file into lane 0. */
  | { readonly kind: "import"; readonly name: string; readonly bytes: ArrayBuffer }
  /** For tests: lose the device, as after a driver reset. */
  | { readonly kind: "lose" };

export interface LayerInfo {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A point of the curves. A number that was not measured at this step is null. */
export interface Point {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number | null;
  readonly trainAccuracy: number | null;
  readonly testAccuracy: number | null;
  /** 0 to 1. */
  readonly sparsity: number;
  readonly threshold: number;
  /** (1 - momentum) · threshold step / learning rate; null for methods whose threshold is not an L1 penalty. */
  readonly lambda: number | null;
  readonly lr: number;
  readonly imagesPerSecond: number | null;
}

export interface LayerPicture {
  readonly name: string;
  /** Effective weights as a matrix: shape[0] rows. */
  readonly weights: Float32Array;
  readonly zeros: number;
  /** Counts of non-zero weights in bins of equal width from -range to range, for effective and stored weights. */
  readonly histogram: { readonly range: number; readonly effective: Uint32Array; readonly stored: Uint32Array | null };
  /** Current threshold of this layer. */
  readonly threshold: number;
}

/** Speed and files of a network, dense and in smaller forms. */
export interface SpeedFacts {
  /** Batch sizes. */
  readonly batches: readonly number[];
  /** The first row is the dense network. */
  readonly rows: readonly {
    readonly name: string;
    /** Kernels of the layers in words; empty for dense ones. */
    readonly kernels: string;
    /** Images per second, and times as fast as dense, by batch size. */
    readonly rates: readonly number[];
    readonly speedups: readonly number[];
  }[];
  readonly files: readonly { readonly layout: string; readonly bytes: number }[];
  /** Reasons for forms that are missing. */
  readonly notes: readonly string[];
}

export type Report =
  | {
      readonly kind: "opened";
      readonly adapter: string;
      readonly software: boolean;
      readonly features: readonly string[];
      /** Data sets that the site offers. */
      readonly sources: readonly string[];
    }
  /** WebGPU or an adapter is missing, WebGPU did not start, or the adapter did not come back; `reason`: the error's message. */
  | { readonly kind: "no-gpu"; readonly why: "webgpu" | "adapter" | "start" | "back"; readonly reason: string }
  | {
      readonly kind: "built";
      readonly settings: Settings;
      readonly lanes: readonly {
        readonly method: string;
        readonly layers: readonly LayerInfo[];
        readonly parameters: number;
        /** Bytes of the model with every weight stored. */
        readonly denseBytes: number;
      }[];
      readonly data: {
        readonly name: string;
        readonly train: number;
        readonly test: number;
        readonly classes: readonly string[];
        readonly shape: readonly number[];
      };
      readonly totalSteps: number;
      readonly stepsPerEpoch: number;
    }
  /** D changed, by a command or by a planned move. */
  | { readonly kind: "moved"; readonly move: ThresholdMove }
  /** The kernels of a build are compiled. */
  | { readonly kind: "prepared" }
  | { readonly kind: "state"; readonly running: boolean; readonly finished: boolean; readonly step: number }
  | { readonly kind: "points"; readonly lane: Lane; readonly points: readonly Point[] }
  /** A test on `images` test images, between two steps or after the threshold of a finished run has moved. */
  | {
      readonly kind: "tested";
      readonly lane: Lane;
      readonly step: number;
      /** 0 to 1. */
      readonly accuracy: number;
      readonly sparsity: number;
      readonly images: number;
    }
  | {
      readonly kind: "picture";
      readonly lane: Lane;
      readonly step: number;
      readonly layers: readonly LayerPicture[];
      /** Bytes of the model as bitmask and non-zero values. */
      readonly sparseBytes: number;
    }
  /** Kernels of one training step of lane 0, in order. `ms` is null if the adapter has no timestamps. */
  | { readonly kind: "timeline"; readonly rows: readonly { readonly kernel: string; readonly ms: number | null }[] }
  | {
      readonly kind: "spikes";
      readonly lane: Lane;
      /** Test images, presented one after another for the same number of steps; state is reset before each. */
      readonly samples?: readonly { readonly label: string; readonly predicted: string }[];
      readonly layers: readonly {
        readonly name: string;
        readonly rate: number;
        readonly timeSteps: number;
        readonly neurons: number;
        /** [timeSteps, neurons]: spikes (0 or 1) of some neurons. */
        readonly raster: Uint8Array;
        /** [timeSteps]: potential of one neuron before it fires. */
        readonly potential: Float32Array | null;
      }[];
      readonly synOps: number;
      readonly denseMacs: number;
    }
  | {
      readonly kind: "classified";
      readonly id: number;
      readonly lanes: readonly { readonly method: string; readonly probabilities: Float32Array }[];
    }
  /** The requested test image as a square of grey values 0 to 255, and its class. */
  | {
      readonly kind: "sample";
      readonly id: number;
      readonly pixels: Uint8Array;
      readonly size: number;
      readonly label: string;
    }
  | { readonly kind: "speed"; readonly lane: Lane; readonly facts: SpeedFacts }
  | { readonly kind: "exported"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: "imported"; readonly name: string; readonly accuracy: number; readonly sparsity: number }
  | {
      readonly kind: "data-ready";
      readonly name: string;
      readonly train: number;
      readonly test: number;
      readonly classes: readonly string[];
    }
  /** A command failed. Training continues if it was running. */
  | { readonly kind: "problem"; readonly what: string; readonly message: string }
  | { readonly kind: "lost"; readonly reason: string }
  | { readonly kind: "restored"; readonly step: number };
