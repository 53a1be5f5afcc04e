// SIGUSR1 opens Node's debugger, and SIGUSR2 ends the process, unless somebody listens. Batch systems (Slurm, Grid Engine)
// send them ahead of a time limit: a command that has nothing to save passes them over. See stop_at_signals.ts.

/** Passes over SIGUSR1 and SIGUSR2 from here on. */
export function passOverSignals(): void {
  for (const signal of ["SIGUSR1", "SIGUSR2"] as const) process.on(signal, () => {});
}
