// Ownership: a scope owns the tensors made while it is open, and frees them when it closes.

interface Owned {
  dispose(): void;
}

let open: Scope | null = null;

/** `using scope = new Scope()` frees tensors made until the block ends; `scope.keep(t)` moves one to the outer scope. */
export class Scope implements Disposable {
  private readonly outer: Scope | null = open;
  private readonly owned = new Set<Owned>();
  private closed = false;

  constructor() {
    open = this;
  }

  add(tensor: Owned): void {
    if (this.closed) this.outer?.add(tensor);
    else this.owned.add(tensor);
  }

  /** True for a tensor that was made in this scope and not moved out of it. */
  owns(tensor: Owned): boolean {
    return this.owned.has(tensor);
  }

  /** Move a tensor to the enclosing scope. Outside any scope it becomes the caller's. */
  keep<T extends Owned>(tensor: T): T {
    if (this.owned.delete(tensor)) this.outer?.add(tensor);
    return tensor;
  }

  /** Take a tensor out of every open scope. The caller then owns it. */
  static release<T extends Owned>(tensor: T): T {
    for (let scope = open; scope; scope = scope.outer) if (scope.owned.delete(tensor)) break;
    return tensor;
  }

  /** Put a tensor in the innermost open scope, if there is one. */
  static adopt(tensor: Owned): void {
    open?.add(tensor);
  }

  dispose(): void {
    if (this.closed) return;
    this.closed = true;
    for (const tensor of this.owned) tensor.dispose();
    this.owned.clear();
    // Scopes may close in another order than they opened: a closed one never stays innermost.
    while (open?.closed) open = open.outer;
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Run `fn`, free the tensors it made, and return its result, which survives. */
export function tidy<T>(fn: () => T): T {
  using scope = new Scope();
  const result = fn();
  const survivors = Array.isArray(result)
    ? result
    : result && typeof result === "object"
      ? [result, ...Object.values(result)]
      : [];
  for (const value of survivors)
    if (value && typeof (value as Owned).dispose === "function") scope.keep(value as Owned);
  return result;
}
