// Decoding one image: the right pixels in the right positions, and an error for each kind of bad file.
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { type DecodeOptions, type DecodePlan, decodeImage } from "../../src/images/decode.ts";
import { centralPlan } from "../../src/images/decoded_dataset.ts";
import { resizeBilinear } from "../../src/images/resample.ts";
import { blankPng, claiming, noisy, plain, tiffOf } from "./files.ts";

const name = { source: "pictures", key: "a/1.jpg" };
type Change = Partial<DecodePlan>;

/** Plan of the whole image at its own size, except for the given fields. */
const asIs = (change: Change = {}) => {
  return (height: number, width: number): DecodePlan => {
    const whole = { top: 0, left: 0, height, width };
    return { crop: whole, resized: [height, width], window: whole, mirrored: false, ...change };
  };
};

async function decode(
  bytes: Uint8Array,
  plan: (h: number, w: number) => DecodePlan,
  size: number,
  options?: DecodeOptions,
) {
  const out = new Uint8Array(3 * size).fill(99);
  await decodeImage(name, bytes, plan, out, options);
  return out;
}

/** Return the planes of interleaved RGB as decoded by sharp. */
async function planesOf(bytes: Uint8Array): Promise<Uint8Array> {
  const data = await sharp(bytes).removeAlpha().raw().toBuffer();
  return Uint8Array.from(data, (_, i) => data[(i % (data.length / 3)) * 3 + Math.floor(i / (data.length / 3))]!);
}
const meanDifference = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((sum, v, i) => sum + Math.abs(v - b[i]!), 0) / a.length;

describe("pixels", () => {
  test("returns planes as stored, mirrored, or cropped", async () => {
    const bytes = await noisy(1, 20, 30);
    const planes = await planesOf(bytes);
    expect(await decode(bytes, asIs(), 600)).toEqual(planes);
    const at = (c: number, y: number, x: number) => planes[c * 600 + y * 30 + x];
    const mirrored = await decode(bytes, asIs({ mirrored: true }), 600);
    expect([mirrored[0], mirrored[29], mirrored[600 + 31]]).toEqual([at(0, 0, 29), at(0, 0, 0), at(1, 1, 28)]);
    const crop = { top: 3, left: 5, height: 4, width: 6 };
    const part = await decode(bytes, asIs({ crop, resized: [4, 6], window: { ...crop, top: 0, left: 0 } }), 24);
    expect([part[0], part[7], part[48 + 23]]).toEqual([at(0, 3, 5), at(0, 4, 6), at(2, 6, 10)]);
    const window = await decode(bytes, asIs({ window: crop }), 24);
    expect(window).toEqual(part);
  });

  test("fills the area outside of the image with black", async () => {
    const bytes = await plain([200, 100, 50], 4, 4);
    const out = await decode(bytes, asIs({ window: { top: -1, left: -2, height: 6, width: 7 } }), 42);
    const row = (y: number) => [...out.subarray(7 * y, 7 * y + 7)];
    expect([row(0), row(1), row(5)]).toEqual([Array(7).fill(0), [0, 0, 200, 200, 200, 200, 0], Array(7).fill(0)]);
    const mirrored = asIs({ window: { top: 0, left: -2, height: 4, width: 7 }, mirrored: true });
    expect([...(await decode(bytes, mirrored, 28)).subarray(0, 7)]).toEqual([0, 200, 200, 200, 200, 0, 0]);
  });

  test("shrinks with sharp close to the exact way, which is Pillow's", async () => {
    const bytes = await noisy(2, 150, 200);
    const plan = (h: number, w: number) => centralPlan(h, w, 64, 56);
    const exact = await decode(bytes, plan, 56 * 56, { exact: true });
    const data = await sharp(bytes).raw().toBuffer();
    const image = { data, height: 150, width: 200, channels: 3 };
    const resized = resizeBilinear(image, 64, 85, { top: 4, left: 14, height: 56, width: 56 });
    expect(exact).toEqual(Uint8Array.from(exact, (_, i) => resized.data[(i % 3136) * 3 + Math.floor(i / 3136)]!));
    expect(meanDifference(await decode(bytes, plan, 56 * 56), exact)).toBeLessThan(1);
  });

  test("always enlarges exactly, also in one direction only", async () => {
    const bytes = await noisy(3, 30, 60);
    for (const resized of [
      [40, 70],
      [40, 20],
    ] as const) {
      const plan = asIs({ resized, window: { top: 0, left: 0, height: resized[0], width: resized[1] } });
      const size = resized[0] * resized[1];
      expect(await decode(bytes, plan, size)).toEqual(await decode(bytes, plan, size, { exact: true }));
    }
  });
});

describe("colours", () => {
  const to16 = (h: number, w: number): DecodePlan => {
    const window = { top: 0, left: 0, height: 16, width: 16 };
    return { crop: { top: 0, left: 0, height: h, width: w }, resized: [16, 16], window, mirrored: false };
  };
  const rgb = (out: Uint8Array, i = 0) => [out[i], out[256 + i], out[512 + i]];

  test("turns grey into three equal planes", async () => {
    const grey = await sharp(
      Uint8Array.from({ length: 400 }, (_, i) => i % 251),
      { raw: { width: 20, height: 20, channels: 1 } },
    )
      .toColourspace("b-w")
      .jpeg()
      .toBuffer();
    expect((await sharp(grey).metadata()).channels).toBe(1);
    const out = await decode(grey, to16, 256);
    expect(out.subarray(256, 512)).toEqual(out.subarray(0, 256));
    expect(out.subarray(512)).toEqual(out.subarray(0, 256));
  });

  test("converts CMYK as Pillow 9.4: these inks give 233, 254, 230", async () => {
    const inks = Uint8Array.from({ length: 32 * 24 * 4 }, (_, i) => [40, 160, 90, 30][i % 4]!);
    const cmyk = await sharp(inks, { raw: { width: 32, height: 24, channels: 4 } })
      .pipelineColourspace("cmyk")
      .toColourspace("cmyk")
      .jpeg({ quality: 95 })
      .toBuffer();
    expect((await sharp(cmyk).metadata()).space).toBe("cmyk");
    expect(rgb(await decode(cmyk, to16, 256))).toEqual([233, 254, 230]);
  });

  test("drops transparency without mixing: the first pixels are Pillow 9.4's", async () => {
    const pixels = Uint8Array.from({ length: 1600 }, (_, i) =>
      i % 4 === 3 ? ((i >> 2) % 3 === 0 ? 0 : 128) : (i * [7, 3, 5][i % 4]!) % 256,
    );
    const png = await sharp(pixels, { raw: { width: 20, height: 20, channels: 4 } })
      .png()
      .toBuffer();
    const out = await decode(png, to16, 256);
    expect([...out.subarray(0, 8)]).toEqual([19, 52, 84, 120, 156, 192, 187, 181]);
    expect([...out.subarray(256, 264)]).toEqual([66, 53, 30, 45, 61, 76, 90, 105]);
  });

  test("uses the upper 8 of 16 bits: colours, grey, and with a resize", async () => {
    // Numbers whose upper and lower bytes differ, so that rounding and clipping would both show.
    const value = (i: number) => (i * 7919 + 200) % 65536;
    for (const channels of [1, 3] as const) {
      const words = Uint16Array.from({ length: 256 * channels }, (_, i) => value(i));
      const image = sharp(words, { raw: { width: 16, height: 16, channels, depth: "ushort" } } as never);
      const png = await image
        .toColourspace(channels === 1 ? "grey16" : "rgb16")
        .png()
        .toBuffer();
      expect(await sharp(png).metadata()).toMatchObject({ depth: "ushort", channels });
      for (const exact of [false, true]) {
        const out = await decode(png, to16, 256, { exact });
        const want = (i: number, c: number) => value(channels * i + (channels === 1 ? 0 : c)) >> 8;
        expect([...out]).toEqual(Array.from({ length: 768 }, (_, i) => want(i % 256, Math.floor(i / 256))));
      }
    }
  });

  test("reads the colours of a palette, and the grey of grey with transparency", async () => {
    const colours = [
      [10, 200, 30],
      [250, 1, 128],
    ] as const;
    const pixels = Uint8Array.from({ length: 768 }, (_, i) => colours[Math.floor(i / 3) % 2]?.[i % 3] as number);
    const raw = { raw: { width: 16, height: 16, channels: 3 } } as const;
    const palette = await sharp(pixels, raw).png({ palette: true, dither: 0 }).toBuffer();
    expect((await sharp(palette).metadata()).isPalette).toBe(true);
    const out = await decode(palette, to16, 256);
    expect([rgb(out, 0), rgb(out, 1)]).toEqual(colours);
    const grey = Uint8Array.from({ length: 512 }, (_, i) => (i % 2 === 0 ? (i * 5) % 256 : (i * 3) % 256));
    const clear = await sharp(grey, { raw: { width: 16, height: 16, channels: 2 } })
      .toColourspace("b-w")
      .png()
      .toBuffer();
    expect(await sharp(clear).metadata()).toMatchObject({ channels: 2, hasAlpha: true });
    const planes = await decode(clear, to16, 256);
    expect([...planes]).toEqual(Array.from({ length: 768 }, (_, i) => grey[2 * (i % 256)]));
  });

  test("ignores the orientation", async () => {
    const bytes = await noisy(4, 20, 30);
    const noted = await sharp(bytes).withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(noted).metadata()).orientation).toBe(6);
    const out = await decode(noted, asIs(), 600);
    expect(out).toEqual(await planesOf(noted));
  });
});

describe("bad files", () => {
  const fails = (bytes: Uint8Array, message: RegExp, options?: DecodeOptions) =>
    expect(decode(bytes, asIs(), 4, options)).rejects.toThrow(message);

  test("refuses an empty file, garbage, text, a drawing", async () => {
    await fails(new Uint8Array(0), /^pictures: a\/1.jpg: the file is empty$/);
    await fails(new Uint8Array(500).fill(7), /^pictures: a\/1.jpg: not an image/);
    await fails(new TextEncoder().encode("GIF? no, a text"), /not an image/);
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><rect width="8" height="8"/></svg>';
    await fails(new TextEncoder().encode(svg), /svg is not a supported image format/);
  });

  test("refuses a truncated JPEG and PNG", async () => {
    const jpeg = await noisy(5);
    await fails(jpeg.subarray(0, Math.floor(jpeg.length / 2)), /^pictures: a\/1.jpg: .*premature end/i);
    const png = await sharp(jpeg).png().toBuffer();
    await fails(png.subarray(0, Math.floor(png.length / 2)), /^pictures: a\/1.jpg: /);
  });

  test("refuses 20000 x 20000 pixels", async () => {
    const huge = blankPng(20000);
    await fails(huge, /^pictures: a\/1.jpg: expected at most 134217728 pixels, got 20000 x 20000$/);
  });

  test("refuses more pixels than a file of its size can hold, before decoding", async () => {
    const begin = performance.now();
    // 2621480 x 30 in some hundred bytes; then sizes that the general rule alone refuses.
    await fails(claiming(await plain([1, 2, 3], 8, 8), 2621480, 30), /2621480 x 30 pixels are more than a file/);
    await fails(
      claiming(blankPng(64), 11000, 11000),
      /11000 x 11000 pixels are more than a file of \d+ bytes can hold/,
    );
    const webp = await sharp({ create: { width: 6000, height: 6000, channels: 3, background: "red" } })
      .webp({ lossless: true, effort: 0 })
      .toBuffer();
    expect(webp.length).toBeLessThan(18000);
    await fails(webp, /6000 x 6000 pixels are more than a file of \d+ bytes can hold/);
    expect(performance.now() - begin).toBeLessThan(10_000);
  });

  test("accepts a flat drawing of many pixels", async () => {
    const out = await decode(blankPng(3000), (h, w) => centralPlan(h, w, 40, 32), 32 * 32);
    expect([...out].every((v) => v === 0)).toBe(true);
  });

  test("refuses a file that starts as one format and is another", async () => {
    await fails(Uint8Array.of(0xff, 0xd8, 0xff, 1, 2, 3, 4), /^pictures: a\/1.jpg: /);
    await fails(new TextEncoder().encode("%PDF-1.7 and so on"), /pdf is not a supported image format/);
    await fails(new TextEncoder().encode("BM6\u0003 and so on"), /bmp is not a supported image format/);
  });

  test("refuses numbers that bytes cannot hold: floats, signed, 32 bits, many channels", async () => {
    const floats = Uint8Array.from(new Uint8Array(Float32Array.from({ length: 16 }, (_, i) => i / 16).buffer));
    await fails(tiffOf(32, 3, 1, floats), /expected unsigned numbers of 8 or 16 bits, got float/);
    await fails(tiffOf(32, 1, 1, new Uint8Array(64)), /expected unsigned numbers of 8 or 16 bits, got uint/);
    await fails(tiffOf(16, 2, 1, new Uint8Array(32)), /expected unsigned numbers of 8 or 16 bits, got short/);
    await fails(tiffOf(8, 1, 7, new Uint8Array(112)), /exceeds channel limit/);
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => 10 * i);
    expect([...(await decode(tiffOf(8, 1, 1, bytes), asIs(), 16)).subarray(0, 16)]).toEqual([...bytes]);
  });

  test("refuses more pixels than the caller's limit", async () => {
    await fails(await plain([1, 2, 3], 8, 8), /expected at most 63 pixels, got 8 x 8/, { limitPixels: 63 });
  });
});
