// The mark of each network in plots: a disc for the first, an open diamond for the second, so that colour is not the only
// difference and two marks at one place show both.

/** Draw a mark in the context's colours; `size`: its radius. */
export function drawMark(context: CanvasRenderingContext2D, lane: number, x: number, y: number, size: number): void {
  context.beginPath();
  if (lane === 0) {
    context.arc(x, y, size, 0, 2 * Math.PI);
    context.fill();
    return;
  }
  const half = size * 1.3;
  context.moveTo(x, y - half);
  context.lineTo(x + half, y);
  context.lineTo(x, y + half);
  context.lineTo(x - half, y);
  context.closePath();
  context.lineWidth = size / 2;
  context.stroke();
}
