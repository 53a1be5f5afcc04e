// Builds IDX files for tests.

/** Make IDX bytes: type code (8 is u8), sizes, and data bytes as stored. */
export function idx(type: number, shape: readonly number[], data: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const headerBytes = 4 + 4 * shape.length;
  const out = new Uint8Array(headerBytes + data.length);
  out.set([0, 0, type, shape.length]);
  const view = new DataView(out.buffer);
  for (const [i, dim] of shape.entries()) view.setUint32(4 + 4 * i, dim);
  out.set(data, headerBytes);
  return out;
}

/** Compress bytes by the host's gzip. */
export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}
