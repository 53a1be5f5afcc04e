// Places labels beside the points of a crowded picture, greedily and without overlaps.

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface WantedLabel {
  /** Position of its point. */
  readonly at: { readonly x: number; readonly y: number };
  readonly width: number;
  readonly height: number;
  /** Priority: the largest are placed first. */
  readonly weight: number;
}

interface PlacedLabel {
  /** Index of the requested label. */
  readonly index: number;
  readonly left: number;
  readonly top: number;
  /** True if the label is to the left of its point and ends there. */
  readonly isBefore: boolean;
}

/** Half the width of a point, with padding. */
const POINT = 6;

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

/** Place the labels that fit into the frame beside their points without touching a point, a blocked box or another label. */
export function placeLabels(
  wanted: readonly WantedLabel[],
  points: readonly { readonly x: number; readonly y: number }[],
  blocked: readonly Box[],
  frame: Box,
): PlacedLabel[] {
  const taken: Box[] = [
    ...blocked,
    ...points.map(({ x, y }) => ({ left: x - POINT, top: y - POINT, right: x + POINT, bottom: y + POINT })),
  ];
  const order = wanted.map((_, i) => i).sort((a, b) => (wanted[b]?.weight ?? 0) - (wanted[a]?.weight ?? 0));
  const placed: PlacedLabel[] = [];
  for (const index of order) {
    const { at, width, height } = wanted[index]!;
    const spots = [
      [at.x + POINT + 1, at.y - height / 2],
      [at.x - POINT - 1 - width, at.y - height / 2],
      [at.x + POINT, at.y - height - 3],
      [at.x + POINT, at.y + 3],
      [at.x - POINT - width, at.y - height - 3],
      [at.x - POINT - width, at.y + 3],
      [at.x - width / 2, at.y - height - POINT],
      [at.x - width / 2, at.y + POINT],
    ] as const;
    for (const [left, top] of spots) {
      const box = { left, top, right: left + width, bottom: top + height };
      const inside = left >= frame.left && box.right <= frame.right && top >= frame.top && box.bottom <= frame.bottom;
      if (!inside || taken.some((other) => overlap(other, box))) continue;
      taken.push(box);
      placed.push({ index, left, top, isBefore: left + width < at.x });
      break;
    }
  }
  return placed;
}
