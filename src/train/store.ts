// Where a run keeps its files, and which checkpoints it keeps: the last K and the best.

/** A directory as training sees it; the host provides it. Writes are atomic: a file is whole or absent. */
export interface RunStore {
  write(path: string, bytes: Uint8Array): Promise<void>;
  read(path: string): Promise<Uint8Array>;
  list(folder: string): Promise<string[]>;
  remove(path: string): Promise<void>;
}

const FOLDER = "checkpoints";
const BEST = `${FOLDER}/best.safetensors`;

const stepOf = (name: string) => Number(/^step_(\d+)\.safetensors$/.exec(name)?.[1] ?? Number.NaN);

export class CheckpointShelf {
  private readonly store: RunStore;
  private readonly keep: number;

  /** `keep`: how many of the latest checkpoints stay, at least 1. */
  constructor(store: RunStore, keep: number) {
    if (!Number.isInteger(keep) || keep < 1) throw new RangeError(`keep wants a whole number >= 1, was given ${keep}`);
    this.store = store;
    this.keep = keep;
  }

  /** Saves, then removes what is older than the last K: at no moment is there none. Returns the path. */
  async save(step: number, bytes: Uint8Array, isBest: boolean): Promise<string> {
    const path = `${FOLDER}/step_${String(step).padStart(8, "0")}.safetensors`;
    await this.store.write(path, bytes);
    if (isBest) await this.store.write(BEST, bytes);
    for (const old of (await this.steps()).slice(0, -this.keep)) await this.store.remove(`${FOLDER}/${old}`);
    return path;
  }

  private async steps(): Promise<string[]> {
    const names = (await this.store.list(FOLDER)).filter((name) => !Number.isNaN(stepOf(name)));
    return names.sort((a, b) => stepOf(a) - stepOf(b));
  }

  /** Step of the latest checkpoint, unread; null without one. */
  async latestStep(): Promise<number | null> {
    const name = (await this.steps()).at(-1);
    return name === undefined ? null : stepOf(name);
  }

  /** The latest checkpoint, or null. */
  async latest(): Promise<{ path: string; bytes: Uint8Array } | null> {
    const name = (await this.steps()).at(-1);
    if (!name) return null;
    const path = `${FOLDER}/${name}`;
    return { path, bytes: await this.store.read(path) };
  }
}
