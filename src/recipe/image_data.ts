// Opens image files by the settings of a recipe.
import {
  type ImageDataOptions,
  ImageError,
  imageLayout,
  type MeasuredDataset,
  openImageData,
  poolAdvice,
  type SourcesInfo,
} from "../images/index.ts";
import type { LabelledImages } from "../internal.ts";
import { summarise } from "../report/data_summary.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import { defined, mib } from "../text/index.ts";
import type { Recipe } from "./settings.ts";
import type { DataSettings, OnDamaged, Splits } from "./splits.ts";

/** Augmentation that leaves square images as they are. */
const WHOLE: Partial<Recipe["augment"]> = { flip: false, scale: [1, 1] };

function optionsOf(data: DataSettings, augment: Partial<Recipe["augment"]>): ImageDataOptions {
  const { size, resize, skipBad, mapping, heldOut, workers, layout, followLinks, mean, std, limit } = data;
  const { flip = true, scale, jitter, crop = 0 } = augment;
  const pad = crop > 0 ? crop : undefined;
  const memory = data.memory === undefined ? undefined : data.memory * 2 ** 20;
  return {
    ...defined({ size, resize, skipBad, mapping, heldOut, workers, layout, followLinks, scale, pad, memory }),
    ...defined({ mean, std, limit }),
    ...(jitter ? { colorJitter: defined(jitter) } : {}),
    flip: flip ? 0.5 : 0,
  };
}

/** Refuse settings that packing has decided already. Errors: UsageError. */
function refuseForShards(dir: string, data: DataSettings, augment: Partial<Recipe["augment"]>): void {
  const late = {
    "data.resize": data.resize,
    "data.mapping": data.mapping,
    "data.heldOut": data.heldOut,
    "data.mean": data.mean,
    "data.std": data.std,
    "data.limit": data.limit,
    "augment.scale": augment.scale,
    "augment.jitter": augment.jitter,
  };
  for (const [name, value] of Object.entries(late)) {
    if (value === undefined) continue;
    const problem = `${name}: expected no value, since ${dir} holds shards, whose images are chosen, resized, labelled and scaled already; leave it out, or train on the original files`;
    throw new UsageError(problem);
  }
}

/** Settings by their spelling: of a held-out part, and of a part with a file of classes. */
interface PartSettings {
  readonly heldOut: Readonly<Record<string, unknown>>;
  readonly mapped: Readonly<Record<string, unknown>>;
}

/** Refuse settings that do not apply to the test part. Errors: UsageError. */
export function refuseIdleParts({ from, heldOut, mapped }: SourcesInfo, settings: PartSettings): void {
  const tested = `testing is with ${from.test}`;
  refuseIdle([
    ...idleUnless(heldOut, `nothing is held out, ${tested}`, settings.heldOut),
    ...idleUnless(mapped, `no part takes its classes from a file, ${tested}`, settings.mapped),
  ]);
}

/** Say how much memory images for padded crops take. Images for other crops have many sizes. */
function heldNotes(train: MeasuredDataset, test: MeasuredDataset, { crop = 0 }: Partial<Recipe["augment"]>): string[] {
  if (crop === 0 || train.heldBytes === 0) return [];
  const [a, b] = [train, test].map(({ heldBytes }) => mib(heldBytes));
  return [`images stay in memory once they are decoded: ${a} to train, ${b} to test`];
}

/**
 * Open the images of a folder of any layout. The caller closes the result.
 *
 * Errors    UsageError for a setting that does not apply to shards; else as openImageData.
 */
export async function loadImageFiles(
  dir: string,
  data: DataSettings,
  onDamaged?: OnDamaged,
): Promise<Splits<LabelledImages>> {
  const layout = await imageLayout(dir, defined({ layout: data.layout, followLinks: data.followLinks }));
  // Shards hold crops already.
  const { augment = {} } = data.whole && layout !== "shards" ? { augment: WHOLE } : data;
  if (layout === "shards") refuseForShards(dir, data, augment);
  const damaged: string[] = [];
  const onBad = (error: ImageError): void => {
    damaged.push(`${error.key}: ${error.fault}`);
    onDamaged?.(error, damaged.length);
  };
  const known = layout === "shards" ? data : { ...data.inherited, ...defined(data) };
  const { train, test, about } = await openImageData(dir, { ...optionsOf(known, augment), onBad });
  try {
    refuseIdleParts(about, {
      heldOut: { "data.heldOut": data.heldOut },
      mapped: { "data.mapping": data.mapping },
    });
  } catch (error) {
    await Promise.all([train.close(), test.close()]);
    throw error;
  }
  const advice = layout === "shards" ? null : poolAdvice();
  return {
    train,
    test,
    layout,
    summary: await summarise({ train, test, layout }, { where: dir, about }),
    stored: train.stored,
    notes: [...(advice ? [advice] : []), ...heldNotes(train, test, augment)],
    damaged,
    async close() {
      await train.close();
      await test.close();
    },
  };
}

/** Return the error; if a corrupt image may not be skipped, with advice on how to skip it. */
export function withAdvice(error: unknown, { skipBad = 0 }: DataSettings): unknown {
  if (!(error instanceof ImageError) || skipBad > 0) return error;
  return new ImageError(error.source, error.key, `${error.fault}; --skip-bad 10 skips up to ten such images`);
}
