// What the page and its worker say to each other. The worker has the GPU and the data; the page draws and asks.
// A lane is one network in training: 0 the chosen method, 1 the one beside it.
import type { Settings } from "./settings.ts";

export type Lane = 0 | 1;

/** What a model is given away as: safetensors of every weight, safetensors of those that are left, or ONNX. */
export type ModelForm = "dense" | "sparse" | "onnx";

export type Command =
  /** First of all: look for a GPU. `assets` is the folder of the page, for the digits. */
  | { readonly kind: "open"; readonly assets: string }
  /** Builds the networks anew and stands still before the first step. */
  | { readonly kind: "build"; readonly settings: Settings }
  | { readonly kind: "run" }
  | { readonly kind: "pause" }
  /** So many steps of each lane, then stands still. */
  | { readonly kind: "step"; readonly steps: number }
  /** Another final threshold while it runs, for all lanes that have one. */
  | { readonly kind: "threshold"; readonly final: number }
  /** What to send pictures of, and how often at most. */
  | { readonly kind: "watch"; readonly pictures: boolean; readonly timeline: boolean; readonly spikes: boolean }
  /** Files dropped on the page: IDX files, gzipped or not, or images whose folder names are classes. */
  | { readonly kind: "files"; readonly files: readonly { readonly path: string; readonly file: File }[] }
  /** A square of grey values 0 to 255, ink bright on dark. One of the network's own size is taken as it is, another fitted. */
  | { readonly kind: "classify"; readonly id: number; readonly pixels: Uint8Array; readonly size: number }
  /** A test image at random, for those who cannot draw. */
  | { readonly kind: "sample"; readonly id: number }
  | { readonly kind: "export"; readonly lane: Lane; readonly what: ModelForm }
  /** A model file for lane 0. */
  | { readonly kind: "import"; readonly name: string; readonly bytes: ArrayBuffer }
  /** For tests: the device is gone, as after a driver reset. */
  | { readonly kind: "lose" };

export interface LayerInfo {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A point of the curves. Numbers that are not known at this step are null. */
export interface Point {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number | null;
  readonly trainAccuracy: number | null;
  readonly testAccuracy: number | null;
  /** 0 to 1. */
  readonly sparsity: number;
  readonly threshold: number;
  /** (1 - momentum) · threshold step / learning rate; null for methods whose threshold is no L1 penalty. */
  readonly lambda: number | null;
  readonly lr: number;
  readonly imagesPerSecond: number | null;
}

export interface LayerPicture {
  readonly name: string;
  /** Effective weights as a matrix: rows = shape[0], columns = the rest. */
  readonly weights: Float32Array;
  readonly zeros: number;
  /** Counts of |w| > 0 in bins of equal width from -range to range, and of the stored weights behind them. */
  readonly histogram: { readonly range: number; readonly effective: Uint32Array; readonly stored: Uint32Array | null };
  /** Threshold of this layer now. */
  readonly threshold: number;
}

export type Report =
  | {
      readonly kind: "opened";
      readonly adapter: string;
      readonly software: boolean;
      readonly features: readonly string[];
      /** Sources that the site has. */
      readonly sources: readonly string[];
    }
  /** There is no WebGPU, or no adapter: what to tell the visitor. */
  | { readonly kind: "no-gpu"; readonly reason: string }
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
  | { readonly kind: "state"; readonly running: boolean; readonly finished: boolean; readonly step: number }
  | { readonly kind: "points"; readonly lane: Lane; readonly points: readonly Point[] }
  | {
      readonly kind: "picture";
      readonly lane: Lane;
      readonly step: number;
      readonly layers: readonly LayerPicture[];
      /** Bytes of the model as bitmask and non-zero values. */
      readonly sparseBytes: number;
    }
  /** Kernels of one training step of lane 0, in order. Null times: the adapter has no timestamps. */
  | { readonly kind: "timeline"; readonly rows: readonly { readonly kernel: string; readonly ms: number | null }[] }
  | {
      readonly kind: "spikes";
      readonly lane: Lane;
      /** The test images shown one after another, each for as many steps and from rest: rows of raster and potential. */
      readonly samples?: readonly { readonly label: string; readonly predicted: string }[];
      readonly layers: readonly {
        readonly name: string;
        readonly rate: number;
        readonly timeSteps: number;
        readonly neurons: number;
        /** [timeSteps, neurons] of a sample of neurons, 0 or 1. */
        readonly raster: Uint8Array;
        /** [timeSteps] potential of one neuron before it fires. */
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
  /** The test image asked for, as grey values 0 to 255 of a square, and what it shows. */
  | {
      readonly kind: "sample";
      readonly id: number;
      readonly pixels: Uint8Array;
      readonly size: number;
      readonly label: string;
    }
  | { readonly kind: "exported"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: "imported"; readonly name: string; readonly accuracy: number; readonly sparsity: number }
  | {
      readonly kind: "data-ready";
      readonly name: string;
      readonly train: number;
      readonly test: number;
      readonly classes: readonly string[];
    }
  /** Something the visitor asked for did not work; training goes on if it went on before. */
  | { readonly kind: "problem"; readonly what: string; readonly message: string }
  | { readonly kind: "lost"; readonly reason: string }
  | { readonly kind: "restored"; readonly step: number };
