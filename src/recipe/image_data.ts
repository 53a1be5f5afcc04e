// Image files as a run reads them: the settings of a recipe as the reader's options, and what a user is told on the way.
import {
  type ImageDataOptions,
  ImageError,
  imageLayout,
  openImageData,
  poolAdvice,
  type SourcesAbout,
} from "../images/index.ts";
import { summarise } from "../report/data_summary.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import type { DataSettings, Splits } from "./datasets.ts";
import type { Recipe } from "./settings.ts";

/** Told of each damaged image once, and how many there were so far. */
export type OnDamaged = (error: ImageError, count: number) => void;

/** Settings without those that were not given: options are absent, not undefined. */
function given<T extends object>(settings: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as never;
}

function optionsOf(data: DataSettings, augment: Partial<Recipe["augment"]>): ImageDataOptions {
  const { size, resize, skipBad, mapping, heldOut, workers, layout, followLinks } = data;
  const { flip = true, scale, jitter } = augment;
  return {
    ...given({ size, resize, skipBad, mapping, heldOut, workers, layout, followLinks, scale }),
    ...(jitter ? { colorJitter: given(jitter) } : {}),
    flip: flip ? 0.5 : 0,
  };
}

/** Shards were cut and tested by when they were packed: settings that come too late are refused by name. */
function refuseForShards(dir: string, data: DataSettings, augment: Partial<Recipe["augment"]>): void {
  const late = {
    "data.resize": data.resize,
    "data.mapping": data.mapping,
    "data.heldOut": data.heldOut,
    "augment.scale": augment.scale,
    "augment.jitter": augment.jitter,
  };
  for (const [name, value] of Object.entries(late)) {
    if (value === undefined) continue;
    throw new UsageError(
      `${name}: ${dir} holds shards, whose images are resized and labelled already; leave it out, or train on the files they were packed from`,
    );
  }
}

/** Settings by how the user writes them, of a part that is held out and of one whose classes a file says. */
interface PartSettings {
  readonly heldOut: Readonly<Record<string, unknown>>;
  readonly mapped: Readonly<Record<string, unknown>>;
}

/** Refuses settings of a test part that is not of their kind. Errors: UsageError. */
export function refuseIdleParts({ from, heldOut, mapped }: SourcesAbout, settings: PartSettings): void {
  const tested = `testing is with ${from.test}`;
  refuseIdle([
    ...idleUnless(heldOut, `nothing is held out, ${tested}`, settings.heldOut),
    ...idleUnless(mapped, `no part takes its classes from a file, ${tested}`, settings.mapped),
  ]);
}

/**
 * The images of a folder, whatever their layout. Close what comes back.
 *
 * Errors    UsageError for a setting that shards have no use for; else as openImageData.
 */
export async function loadImageFiles(dir: string, data: DataSettings, onDamaged?: OnDamaged): Promise<Splits> {
  const { augment = {} } = data;
  const layout = await imageLayout(dir, given({ layout: data.layout, followLinks: data.followLinks }));
  if (layout === "shards") refuseForShards(dir, data, augment);
  const damaged: string[] = [];
  const onBad = (error: ImageError): void => {
    damaged.push(`${error.key}: ${error.fault}`);
    onDamaged?.(error, damaged.length);
  };
  const { heldOut, mapping } = { ...data.inherited, ...given({ heldOut: data.heldOut, mapping: data.mapping }) };
  const more = given({ heldOut, mapping, onBad });
  const { train, test, about } = await openImageData(dir, { ...optionsOf(data, augment), ...more });
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
    notes: advice ? [advice] : [],
    damaged,
    async close() {
      await train.close();
      await test.close();
    },
  };
}

/** The same error; of a damaged image where none may be passed over, with a word on how to. */
export function withAdvice(error: unknown, { skipBad = 0 }: DataSettings): unknown {
  if (!(error instanceof ImageError) || skipBad > 0) return error;
  return new ImageError(error.source, error.key, `${error.fault}; --skip-bad 10 passes over up to ten such images`);
}
