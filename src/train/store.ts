// The store of a run's files, and the checkpoints in it: the last K and the best are retained.

import { type FileParts, joinParts, parseSafetensors, type SafetensorsFile } from "../io/safetensors.ts";
import { ArgumentError } from "../text/index.ts";

/** A directory, provided by the host. Writes are atomic: a file is whole or absent. */
export interface RunStore {
  write(path: string, bytes: Uint8Array): Promise<void>;
  read(path: string): Promise<Uint8Array>;
  /** The same for files in parts, and tensor by tensor: for checkpoints larger than one array. */
  writeParts?(path: string, parts: FileParts): Promise<void>;
  readTensors?(path: string): Promise<SafetensorsFile>;
  list(folder: string): Promise<string[]>;
  remove(path: string): Promise<void>;
}

const FOLDER = "checkpoints";
const BEST_NAME = "best.safetensors";
const BEST = `${FOLDER}/${BEST_NAME}`;
const stepOf = (name: string) => Number(/^step_(\d+)\.safetensors$/.exec(name)?.[1] ?? Number.NaN);

export interface DamagedCheckpoint {
  readonly path: string;
  /** Message of the error. */
  readonly why: string;
}

export interface FoundCheckpoint {
  /** Path of the file; null if there is no intact checkpoint. */
  readonly whole: { readonly path: string } | null;
  /** Skipped checkpoints, newest first. */
  readonly damaged: readonly DamagedCheckpoint[];
}

export class CheckpointShelf {
  private readonly store: RunStore;
  private readonly keep: number;

  /** `keep`: count of the latest checkpoints to retain, at least 1. */
  constructor(store: RunStore, keep: number) {
    if (!Number.isInteger(keep) || keep < 1) throw new ArgumentError(`keep: expected an integer >= 1, got ${keep}`);
    this.store = store;
    this.keep = keep;
  }

  /**
   * Save a checkpoint, then remove those older than the last K up to this step, so that there is always one. A newer one was
   * corrupt when the run resumed from an older one; it stays until it is overwritten. Returns the path.
   */
  async save(step: number, bytes: Uint8Array | FileParts, isBest: boolean): Promise<string> {
    const path = `${FOLDER}/step_${String(step).padStart(8, "0")}.safetensors`;
    // The best first: a run killed between the two resumes from before both, and writes both again.
    if (isBest) await this.write(BEST, bytes);
    await this.write(path, bytes);
    const upTo = (await this.steps()).filter((name) => stepOf(name) <= step);
    for (const old of upTo.slice(0, -this.keep)) await this.store.remove(`${FOLDER}/${old}`);
    return path;
  }

  private write(path: string, bytes: Uint8Array | FileParts): Promise<void> {
    if (bytes instanceof Uint8Array) return this.store.write(path, bytes);
    return this.store.writeParts?.(path, bytes) ?? this.store.write(path, joinParts(bytes));
  }

  private async steps(): Promise<string[]> {
    const names = (await this.store.list(FOLDER)).filter((name) => !Number.isNaN(stepOf(name)));
    return names.sort((a, b) => stepOf(a) - stepOf(b));
  }

  /** Return the step of the latest checkpoint, without reading it; null if there is none. */
  async latestStep(): Promise<number | null> {
    const name = (await this.steps()).at(-1);
    return name === undefined ? null : stepOf(name);
  }

  /**
   * Return the newest checkpoint that passes `check`: of the latest, then the best one. `check` gets the bytes and the path and
   * throws for a corrupt one; the store throws for one that cannot be read.
   */
  newestWhole(check: (bytes: Uint8Array, path: string) => void): Promise<FoundCheckpoint> {
    return this.newest(async (path) => check(await this.store.read(path), path));
  }

  /** The same for parsed files, read tensor by tensor if the store can. */
  newestReadable(check: (file: SafetensorsFile, path: string) => void): Promise<FoundCheckpoint> {
    const { store } = this;
    return this.newest(async (path) =>
      check((await store.readTensors?.(path)) ?? parseSafetensors(await store.read(path), path), path),
    );
  }

  private async newest(check: (path: string) => Promise<void>): Promise<FoundCheckpoint> {
    const damaged: DamagedCheckpoint[] = [];
    const best = (await this.store.list(FOLDER)).includes(BEST_NAME) ? [BEST_NAME] : [];
    for (const name of [...(await this.steps()).reverse(), ...best]) {
      const path = `${FOLDER}/${name}`;
      try {
        await check(path);
        return { whole: { path }, damaged };
      } catch (cause) {
        damaged.push({ path, why: cause instanceof Error ? cause.message : String(cause) });
      }
    }
    return { whole: null, damaged };
  }
}
