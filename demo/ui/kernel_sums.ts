// Sums the kernels of a training step by name, longest first.

export interface KernelRow {
  readonly kernel: string;
  readonly ms: number | null;
}

export interface KernelSum {
  readonly kernel: string;
  readonly dispatches: number;
  /** Null if the adapter has no timestamps. */
  readonly ms: number | null;
  /** Share of the step's time, or of its dispatches if there are no times. */
  readonly share: number;
}

export function sumKernels(rows: readonly KernelRow[]): KernelSum[] {
  const sums = new Map<string, { dispatches: number; ms: number | null }>();
  for (const { kernel, ms } of rows) {
    const sum = sums.get(kernel) ?? { dispatches: 0, ms: null };
    sum.dispatches++;
    if (ms !== null) sum.ms = (sum.ms ?? 0) + ms;
    sums.set(kernel, sum);
  }
  const total = [...sums.values()].reduce((all, sum) => all + (sum.ms ?? 0), 0);
  return [...sums]
    .map(([kernel, { dispatches, ms }]) => ({
      kernel,
      dispatches,
      ms,
      share: total > 0 ? (ms ?? 0) / total : dispatches / rows.length,
    }))
    .sort((a, b) => b.share - a.share || a.kernel.localeCompare(b.kernel));
}
