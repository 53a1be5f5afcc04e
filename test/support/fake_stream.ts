// A streamed data set out of one in memory: what a reader of shards would give, without the shards.
import {
  batchCount,
  type ImageBatch,
  type ImageDataset,
  type StreamedDataset,
  shuffledOrder,
} from "../../src/data/index.ts";
import { batchIndices, orderAsStored } from "../../src/data/sampler.ts";
import { randomInts } from "./random.ts";

export interface FakeStreamOptions {
  /** Rows and columns of noise around each image, which crops leave out; images of odd number are stored mirrored too. */
  readonly margin?: number;
  /** Called before each batch is given; what it throws is the reader's error. */
  readonly onBatch?: (batch: number, epoch: number) => void;
  /** Batches that the reader leaves out at the end of an epoch. */
  readonly lost?: number;
}

interface FakeStream extends StreamedDataset {
  /** Loops over batches that have begun and not ended. */
  open: number;
  given: number;
  recycled: number;
}

/** The same images in the same order as a DataLoader that shuffles gives them. Arrays given back are filled with ones. */
export function fakeStream(dataset: ImageDataset, options: FakeStreamOptions = {}): FakeStream {
  const { margin = 0, onBatch, lost = 0 } = options;
  const [c, h, w] = dataset.shape;
  // Another margin on each side: nothing is where it would be by accident.
  const [height, width] = margin > 0 ? [h + 2 * margin + 1, w + 3 * margin] : [h, w];

  const store = (index: number, out: Uint8Array): void => {
    if (margin > 0) out.set(randomInts(out.length, 256, index));
    const image = dataset.images.subarray(index * c * h * w, (index + 1) * c * h * w);
    const mirrored = margin > 0 && index % 2 === 1;
    for (let row = 0; row < c * h; row++) {
      const at = (Math.floor(row / h) * height + margin + (row % h)) * width + 2 * margin;
      for (let x = 0; x < w; x++) out[at + x] = image[row * w + (mirrored ? w - 1 - x : x)]!;
    }
  };

  const stream: FakeStream = {
    name: `streamed ${dataset.name}`,
    length: dataset.length,
    shape: dataset.shape,
    classes: dataset.classes,
    mean: dataset.mean,
    std: dataset.std,
    open: 0,
    given: 0,
    recycled: 0,
    close: async () => {},
    batches({ batchSize, epoch, seed, startBatch, training }) {
      const order = training ? shuffledOrder(dataset.length, seed, epoch) : orderAsStored(dataset.length);
      const length = batchCount(dataset.length, batchSize);
      const make = (batch: number): ImageBatch => {
        const indices = batchIndices(order, batch, batchSize);
        const each = c * height * width;
        const x = new Uint8Array(indices.length * each);
        indices.forEach((index, i) => {
          store(index, x.subarray(i * each, (i + 1) * each));
        });
        const crop = Int32Array.from([...indices].flatMap((index) => [margin, 2 * margin, index % 2, 0]));
        const y = Int32Array.from(indices, (index) => dataset.labels[index]!);
        const known = { x, stored: [height, width] as const, y, indices, size: indices.length, batch, epoch };
        return margin > 0 ? { ...known, crop } : known;
      };
      return {
        length,
        recycle(batch) {
          stream.recycled++;
          batch.x.fill(255);
          batch.y.fill(0);
          batch.crop?.fill(0);
        },
        async *[Symbol.asyncIterator]() {
          stream.open++;
          try {
            for (let batch = startBatch; batch < length - lost; batch++) {
              await Promise.resolve();
              onBatch?.(batch, epoch);
              stream.given++;
              yield make(batch);
            }
          } finally {
            stream.open--;
          }
        },
      };
    },
  };
  return stream;
}
