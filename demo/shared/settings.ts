// Settings of a run: fields of the form, keys of the address, input of the worker.

export const METHODS = ["lats", "slats", "pgh", "linear", "sine", "str", "ltp", "gmp", "dense"] as const;
export type Method = (typeof METHODS)[number];

export const MODELS = ["lenet-bn", "resnet-8-narrow", "mobilenet-small", "spiking-cnn"] as const;
export type Model = (typeof MODELS)[number];

export const SOURCES = ["mnist", "fashion-mnist", "files"] as const;
/** `files`: files that the visitor dropped on the page. */
export type Source = (typeof SOURCES)[number];

export interface Settings {
  readonly model: Model;
  /** Time steps of the spiking network. */
  readonly timeSteps: number;
  readonly data: Source;
  readonly method: Method;
  /** Method of the second network, which has the same seed; `none`: one network only. */
  readonly against: Method | "none";
  /** Final threshold D of lats, slats, pgh, linear and sine. */
  readonly threshold: number;
  /** Final sparsity of gmp, 0 to 1. */
  readonly sparsity: number;
  /** Weight decay of STR's thresholds. */
  readonly strDecay: number;
  /** Price of each weight in LTP's loss. */
  readonly ltpL0: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly momentum: number;
  readonly seed: number;
}

export const DEFAULTS: Settings = {
  model: "lenet-bn",
  timeSteps: 4,
  data: "mnist",
  method: "lats",
  against: "dense",
  threshold: 0.1,
  sparsity: 0.9,
  strDecay: 0.02,
  ltpL0: 2,
  epochs: 8,
  batchSize: 64,
  lr: 0.1,
  momentum: 0.9,
  seed: 0,
};

/** Limits of the numbers, for the form, the address and the worker. */
export const RANGES = {
  timeSteps: { min: 1, max: 16, whole: true },
  threshold: { min: 0, max: 1, whole: false },
  sparsity: { min: 0.1, max: 0.99, whole: false },
  strDecay: { min: 0, max: 1, whole: false },
  ltpL0: { min: 0, max: 1000, whole: false },
  epochs: { min: 1, max: 100, whole: true },
  batchSize: { min: 8, max: 512, whole: true },
  lr: { min: 0.0001, max: 1, whole: false },
  momentum: { min: 0, max: 0.99, whole: false },
  seed: { min: 0, max: 4294967295, whole: true },
} as const satisfies Partial<Record<keyof Settings, { min: number; max: number; whole: boolean }>>;
