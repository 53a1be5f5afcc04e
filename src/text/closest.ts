// The nearest known word to a mistyped one.

/**
 * Return the candidate with the fewest single-letter changes (insert, delete, replace, swap of neighbours), if at most a
 * third of the word changes; else the only one that begins with it; else undefined. Case, "-" and "_" do not count: batch_size finds batchSize.
 */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const plain = (s: string) => s.toLowerCase().replaceAll(/[-_\s]/g, "");
  let best: string | undefined;
  let fewest = Math.max(1, Math.floor(plain(word).length / 3)) + 1;
  for (const candidate of candidates) {
    const changes = editDistance(plain(word).slice(0, 64), plain(candidate));
    if (changes < fewest) {
      fewest = changes;
      best = candidate;
    }
  }
  const begun = word.length >= 3 ? candidates.filter((c) => plain(c).startsWith(plain(word))) : [];
  return best ?? (begun.length === 1 ? begun[0] : undefined);
}

/** Compute Damerau's distance, restricted form, with three rows of the table. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
