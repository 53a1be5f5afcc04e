// Ignores SIGUSR1 and SIGUSR2, which batch systems (Slurm, Grid Engine) send before a time limit. Without a listener SIGUSR1
// opens Node's debugger, and SIGUSR2 ends the process. See stop_at_signals.ts for commands that save a checkpoint.

/** Ignore SIGUSR1 and SIGUSR2 from now on. */
export function ignoreBatchSignals(): void {
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) process.on(signal, () => {});
}
