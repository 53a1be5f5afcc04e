// Channels that can only be removed together, as disjoint sets, and the reasons why some have to stay.

/** Disjoint sets of channels, with the reasons that pin some of them. */
export class ChannelSets {
  private readonly parent: number[] = [];
  private readonly pins = new Map<number, string>();

  /** Make n channels, each in a new set. */
  fresh(n: number): Int32Array {
    const first = this.parent.length;
    const ids = Int32Array.from({ length: n }, (_, i) => first + i);
    for (const id of ids) this.parent.push(id);
    return ids;
  }

  /** Return the channel that represents the set of this one. */
  find(id: number): number {
    let root = id;
    while (this.parent[root] !== root) root = this.parent[root]!;
    for (let at = id; at !== root; ) {
      const next = this.parent[at]!;
      this.parent[at] = root;
      at = next;
    }
    return root;
  }

  /** Make two channels one set. */
  join(a: number, b: number): void {
    this.parent[this.find(a)] = this.find(b);
  }

  /** Keep these channels. The first reason counts. */
  pin(ids: Iterable<number>, reason: string): void {
    for (const id of ids) if (!this.pins.has(id)) this.pins.set(id, reason);
  }

  /** Return the reasons by the representative of each pinned set. */
  pinned(): Map<number, string> {
    const found = new Map<number, string>();
    for (const [id, reason] of this.pins) {
      const root = this.find(id);
      if (!found.has(root)) found.set(root, reason);
    }
    return found;
  }
}
