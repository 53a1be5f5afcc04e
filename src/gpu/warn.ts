// Warnings: probable mistakes that are no errors, each reported once.

let listener: (message: string) => void = (message) => console.warn(message);
const said = new WeakMap<object, Set<string>>();

/** Redirect warnings. Returns a function that restores the previous listener. */
export function onWarning(listen: (message: string) => void): () => void {
  const before = listener;
  listener = listen;
  return () => {
    listener = before;
  };
}

/** Report `message` once for each owner and kind. */
export function warnOnce(owner: object, kind: string, message: string): void {
  const kinds = said.get(owner) ?? new Set<string>();
  said.set(owner, kinds);
  if (kinds.has(kind)) return;
  kinds.add(kind);
  listener(message);
}
