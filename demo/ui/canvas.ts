// Canvases: drawings at the screen's resolution, and boards of given pixels.
import { make } from "./dom.ts";

/** Make a canvas with a label for screen readers. */
export function pictureCanvas(label: string, className = ""): HTMLCanvasElement {
  const canvas = make("canvas", className);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

export interface Sheet {
  readonly context: CanvasRenderingContext2D;
  /** Width in CSS pixels. */
  readonly width: number;
  readonly height: number;
}

/** Clear a canvas and scale it to the screen's resolution, in units of CSS pixels; null if it has no size. */
export function sheetOf(canvas: HTMLCanvasElement): Sheet | null {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (!context || width === 0 || height === 0) return null;
  const ratio = Math.min(3, window.devicePixelRatio || 1);
  const wide = Math.round(width * ratio);
  const high = Math.round(height * ratio);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

/** A canvas of given size whose pixels are written as 32-bit numbers. */
export class PixelBoard {
  readonly pixels: Uint32Array;
  private readonly context: CanvasRenderingContext2D;
  private readonly image: ImageData;

  constructor(canvas: HTMLCanvasElement, width: number, height: number) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    if (!context) throw new Error("this browser has no 2D canvas");
    this.context = context;
    this.image = context.createImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
  }

  put(): void {
    this.context.putImageData(this.image, 0, 0);
  }
}
