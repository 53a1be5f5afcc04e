// Yields to the worker's event loop, so that commands of the page are handled during training.

/** Longest time between two yields, in ms. */
const MAX_HOLD_MS = 12;

let lastYield = 0;

/** Yield to the event loop if the last yield was more than MAX_HOLD_MS ago, else resolve immediately. */
export function yieldToEvents(): Promise<void> {
  if (performance.now() - lastYield < MAX_HOLD_MS) return Promise.resolve();
  return new Promise((resolve) => {
    // A message, because nested timers wait at least 4 ms.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      lastYield = performance.now();
      resolve();
    };
    port2.postMessage(null);
  });
}
