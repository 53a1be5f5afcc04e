// Calls that wait for a moment of rest.

interface Debounced {
  call(): void;
  /** Make a pending call now. */
  flush(): void;
  cancel(): void;
}

/** Return a function that runs `work` once, `ms` after the last of several calls. */
export function debounce(ms: number, work: () => void): Debounced {
  let timer = 0;
  const cancel = () => {
    clearTimeout(timer);
    timer = 0;
  };
  const flush = () => {
    if (timer === 0) return;
    cancel();
    work();
  };
  return {
    call() {
      cancel();
      timer = window.setTimeout(flush, ms);
    },
    flush,
    cancel,
  };
}
