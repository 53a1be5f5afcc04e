// Decoded images in memory, for data that is small enough. It changes only speed and memory, never the pixels.
import type { Interleaved } from "./resample.ts";

/** Default limit of the decoded images of one part, in bytes. */
export const HELD_BYTES = 2 ** 30;

/** Decoded images of one size, as bytes, each stored when it is first decoded: all of them, or none if they are too large. */
export class HeldPlanes {
  private readonly count: number;
  private readonly each: number;
  private readonly fits: boolean;
  private readonly has: Uint8Array;
  private bytes: Uint8Array | null = null;

  /** For `count` images of `each` bytes. */
  constructor(count: number, each: number, limit: number) {
    this.count = count;
    this.each = each;
    this.fits = count * each <= limit;
    this.has = new Uint8Array(this.fits ? count : 0);
  }

  /** Bytes of all images together; 0 if they are too large. */
  get size(): number {
    return this.fits ? this.count * this.each : 0;
  }

  /** Copy image i into `out`; false if it is not held. */
  copy(i: number, out: Uint8Array): boolean {
    if (!this.bytes || this.has[i] !== 1) return false;
    out.set(this.bytes.subarray(i * this.each, (i + 1) * this.each));
    return true;
  }

  /** Store image i, if images are held. */
  store(i: number, image: Uint8Array): void {
    if (!this.fits) return;
    // The system gives memory only to the pages that are written.
    this.bytes ??= new Uint8Array(this.count * this.each);
    this.bytes.set(image, i * this.each);
    this.has[i] = 1;
  }
}

/** Images from which the size of all is estimated. */
const LOOKED_AT = 32;

/** Decoded images of many sizes. They are dropped, and none is stored any more, once their mean size says that not all fit. */
export class HeldOriginals {
  private readonly images = new Map<number, Interleaved>();
  private readonly count: number;
  private readonly limit: number;
  private bytes = 0;
  private fits: boolean;

  constructor(count: number, limit: number) {
    this.count = count;
    this.limit = limit;
    this.fits = limit > 0;
  }

  /** True while images are stored. */
  get stores(): boolean {
    return this.fits;
  }

  get(i: number): Interleaved | undefined {
    return this.images.get(i);
  }

  store(i: number, image: Interleaved): void {
    if (!this.fits || this.images.has(i)) return;
    this.images.set(i, image);
    this.bytes += image.data.length;
    const seen = this.images.size;
    const all = seen < Math.min(LOOKED_AT, this.count) ? this.bytes : (this.bytes / seen) * this.count;
    if (all <= this.limit) return;
    this.fits = false;
    this.images.clear();
  }
}
