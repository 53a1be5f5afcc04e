// Giving the worker's event loop a turn, so that commands of the page are heard while a run goes on.

/** Longest time without a turn, in ms: commands are heard well within a twentieth of a second. */
const LONGEST_HOLD = 12;

let lastTurn = 0;

/** Resolves in a later task when the last turn is longer ago than LONGEST_HOLD, else at once. */
export function breathe(): Promise<void> {
  if (performance.now() - lastTurn < LONGEST_HOLD) return Promise.resolve();
  return new Promise((resolve) => {
    // A message and not a timer: nested timers wait 4 ms.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      lastTurn = performance.now();
      resolve();
    };
    port2.postMessage(null);
  });
}
