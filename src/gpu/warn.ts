// Warnings: what is no error and yet hardly meant, said once.

let listener: (message: string) => void = (message) => console.warn(message);
const said = new WeakMap<object, Set<string>>();

/** Sends warnings elsewhere than to the console; returns what puts the last listener back. */
export function onWarning(listen: (message: string) => void): () => void {
  const before = listener;
  listener = listen;
  return () => {
    listener = before;
  };
}

/** Says `message` once for each owner and kind. */
export function warnOnce(owner: object, kind: string, message: string): void {
  const kinds = said.get(owner) ?? new Set<string>();
  said.set(owner, kinds);
  if (kinds.has(kind)) return;
  kinds.add(kind);
  listener(message);
}
