// Ownership: a scope owns the tensors made while it is open, and frees them when it closes.

/** Anything with memory that a scope frees, such as a tensor. */
export interface ScopeMember {
  dispose(): void;
}

let open: Scope | null = null;

/**
 * `using scope = new Scope()` frees tensors made until the block ends; `scope.keep(t)` moves one to the outer scope.
 *
 * @example
 * const scope = new Scope();
 * const y = scope.keep(relu(tensor([-1, 1]))); // survives the scope
 * scope.dispose(); // frees the input
 * console.log(await y.data()); // 0, 1
 * y.dispose();
 */
export class Scope implements Disposable {
  private readonly outer: Scope | null = open;
  private readonly owned = new Set<ScopeMember>();
  private closed = false;

  /** Open a scope: tensors made from now on belong to it. */
  constructor() {
    open = this;
  }

  /** @internal Add a tensor to those that the scope frees. */
  add(tensor: ScopeMember): void {
    if (this.closed) this.outer?.add(tensor);
    else this.owned.add(tensor);
  }

  /** @internal True for a tensor that was made in this scope and not moved out of it. */
  owns(tensor: ScopeMember): boolean {
    return this.owned.has(tensor);
  }

  /** Move a tensor to the enclosing scope. Outside any scope it becomes the caller's. */
  keep<T extends ScopeMember>(tensor: T): T {
    if (this.owned.delete(tensor)) this.outer?.add(tensor);
    return tensor;
  }

  /** @internal Take a tensor out of every open scope. The caller then owns it. */
  static release<T extends ScopeMember>(tensor: T): T {
    for (let scope = open; scope; scope = scope.outer) if (scope.owned.delete(tensor)) break;
    return tensor;
  }

  /** @internal Put a tensor in the innermost open scope, if there is one. */
  static adopt(tensor: ScopeMember): void {
    open?.add(tensor);
  }

  /** Free the scope's tensors and close it. */
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

/**
 * Run `fn` and free the tensors that it made, except those that it returns: a tensor, an array, or an object of tensors.
 *
 * @example
 * const total = tidy(() => sum(square(tensor([1, 2, 3])))); // the squares are freed
 * console.log(await total.item()); // 14
 * total.dispose();
 */
export function tidy<T>(fn: () => T): T {
  using scope = new Scope();
  const result = fn();
  const survivors = Array.isArray(result)
    ? result
    : result && typeof result === "object"
      ? [result, ...Object.values(result)]
      : [];
  for (const value of survivors)
    if (value && typeof (value as ScopeMember).dispose === "function") scope.keep(value as ScopeMember);
  return result;
}
