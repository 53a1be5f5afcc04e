// Variants whose commands are recorded in the first run and only encoded again afterwards, so that a case measures
// kernels and not tensors, tapes or bind groups. The first run executes too: it compiles the pipelines.
import { Tape } from "../../src/autograd/index.ts";
import { Arena, type Command, currentGpu } from "../../src/gpu/index.ts";
import { empty, Scope, type Tensor } from "../../src/tensor/index.ts";
import type { Variant } from "../lib/case.ts";

class Recorded implements Variant {
  readonly name: string;
  private readonly body: () => readonly Tensor[];
  private readonly before: () => void;
  private readonly arena = new Arena();
  private commands: readonly Command[] | null = null;
  private made: readonly Tensor[] = [];
  private readonly owned: Tensor[] = [];

  constructor(name: string, body: () => readonly Tensor[], before: () => void) {
    this.name = name;
    this.body = body;
    this.before = before;
    Scope.adopt(this);
  }

  run(): void {
    if (this.commands === null) {
      this.record();
      return;
    }
    const { stream } = currentGpu();
    for (const command of this.commands) stream.enqueue(command);
  }

  results(): readonly Tensor[] {
    return this.made;
  }

  kernels(): readonly string[] {
    const names = (this.commands ?? []).flatMap((command) => (command.kind === "dispatch" ? [command.kernel] : []));
    return [...new Set(names)];
  }

  private record(): void {
    const { stream, pool } = currentGpu();
    this.before();
    using scope = new Scope();
    pool.enter(this.arena);
    stream.record();
    try {
      this.made = this.body();
    } finally {
      this.commands = stream.takeRecording();
      pool.leave();
    }
    stream.run(this.commands);
    for (const t of this.made) if (scope.owns(t)) this.owned.push(Scope.release(t));
  }

  dispose(): void {
    for (const t of this.owned) t.dispose();
    currentGpu().pool.dissolve(this.arena);
  }
}

/**
 * Return a variant that runs `body` once and repeats the dispatches that it enqueued. `body` returns the tensors it wrote.
 * Tensors that it makes live as long as the scope that is open now, and so must every tensor it reads. It may not upload or
 * read back.
 */
export function recorded(name: string, body: () => readonly Tensor[]): Variant {
  return new Recorded(name, body, () => {});
}

/** Run `body` with gradients of the leaves enabled. They are written to `places`. */
function withGradients<T>(leaves: readonly Tensor[], places: readonly Tensor[], body: () => T): T {
  leaves.forEach((leaf, i) => {
    leaf.requiresGrad = true;
    leaf.grad = places[i]!;
    leaf.gradArrived = false;
  });
  try {
    return body();
  } finally {
    for (const leaf of leaves) {
      leaf.requiresGrad = false;
      leaf.grad = null;
    }
  }
}

/**
 * Return a variant of the backward pass of one op. `forward` runs once under a tape. The recording holds the gradients from
 * `dy` to `leaves`, which are the results. One op only: the tape frees saved values after each op's step, and a later step
 * of the recording would reuse that memory.
 */
export function recordedBackward(name: string, leaves: readonly Tensor[], forward: () => Tensor, dy: Tensor): Variant {
  // Gradients of this variant only, since other variants of the case have the same leaves.
  const places = leaves.map((leaf) => empty(leaf.shape));
  let tape: Tape | null = null;
  let y: Tensor | null = null;
  const before = () => {
    for (const leaf of leaves) leaf.requiresGrad = true;
    tape = new Tape();
    try {
      y = forward();
    } finally {
      for (const leaf of leaves) leaf.requiresGrad = false;
    }
  };
  const body = () => {
    try {
      withGradients(leaves, places, () => tape!.backward(y!, dy));
    } finally {
      tape?.dispose();
      // While the recording is open, so that the memory stays reserved: backward may have read it.
      y?.dispose();
    }
    return places;
  };
  return new Recorded(name, body, before);
}

/** Return a variant of forward and backward of any number of ops. Its results are those of `forward` and the leaves' gradients. */
export function recordedStep(name: string, leaves: readonly Tensor[], forward: () => Tensor, dy: Tensor): Variant {
  const places = leaves.map((leaf) => empty(leaf.shape));
  const body = () =>
    withGradients(leaves, places, () => {
      using tape = new Tape();
      const y = forward();
      tape.backward(y, dy);
      return [y, ...places];
    });
  return new Recorded(name, body, () => {});
}
