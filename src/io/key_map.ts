// Key names of other projects: rules that rename one key, and renaming of a state_dict by a rule without losing an
// entry.
import { EspalierError } from "../text/index.ts";
import { quote } from "./array_types.ts";

/** Rule that returns Espalier's name of a key; other names are returned as they are. */
export type KeyRule = (name: string) => string;

/** A renaming that would merge two keys. The message names all three. */
export class KeyMapError extends EspalierError {
  override readonly name = "KeyMapError";
}

/** Rename the entries, in the same order. Throw KeyMapError if two would get one name. */
export function renameKeys<T>(entries: ReadonlyMap<string, T>, rule: KeyRule): Map<string, T> {
  const out = new Map<string, T>();
  const origin = new Map<string, string>();
  for (const [name, value] of entries) {
    const renamed = rule(name);
    const first = origin.get(renamed);
    if (first !== undefined)
      throw new KeyMapError(`keys ${quote(first)} and ${quote(name)} would both be ${quote(renamed)}`);
    origin.set(renamed, name);
    out.set(renamed, value);
  }
  return out;
}

/** Make a rule that removes `prefix`. PyTorch's DataParallel puts "module." before all names. */
export function withoutPrefix(prefix: string): KeyRule {
  return (name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
}

const SJ_BLOCK = /^(layer\d\.\d+)\.(conv|bn)(\d)\.(\w+)$/;
const SJ_SHORTCUT = /^(layer\d\.\d+\.downsample)\.([01])\.(\w+)$/;
const SEW_BLOCK = /^(layer\d\.\d+)\.conv(\d)\.module\.([01])\.(\w+)$/;
const SEW_SHORTCUT = /^(layer\d\.\d+\.downsample)\.0\.module\.([01])\.(\w+)$/;

/**
 * Rename SEW ResNet's keys from SpikingJelly's names to the authors' names, which the models here use.
 *
 * The authors fold time into the batch around each convolution and its batch norm, by a container whose `module` holds
 * both: layer1.0.conv1.weight -> layer1.0.conv1.module.0.weight, layer1.0.bn1.bias -> layer1.0.conv1.module.1.bias,
 * layer2.0.downsample.1.weight -> layer2.0.downsample.0.module.1.weight. Stem and classifier have the same names in both.
 */
export const sewKeyFromSpikingJelly: KeyRule = (name) => {
  const block = SJ_BLOCK.exec(name);
  if (block) return `${block[1]}.conv${block[3]}.module.${block[2] === "conv" ? 0 : 1}.${block[4]}`;
  const shortcut = SJ_SHORTCUT.exec(name);
  return shortcut ? `${shortcut[1]}.0.module.${shortcut[2]}.${shortcut[3]}` : name;
};

/** Rename SEW ResNet's keys from the authors' names to SpikingJelly's: the inverse of sewKeyFromSpikingJelly. */
export const sewKeyToSpikingJelly: KeyRule = (name) => {
  const block = SEW_BLOCK.exec(name);
  if (block) return `${block[1]}.${block[3] === "0" ? "conv" : "bn"}${block[2]}.${block[4]}`;
  const shortcut = SEW_SHORTCUT.exec(name);
  return shortcut ? `${shortcut[1]}.${shortcut[2]}.${shortcut[3]}` : name;
};

/** Rename a state_dict of SpikingJelly's SEW ResNet to the names of SewResNet. */
export const sewStateFromSpikingJelly = <T>(state: ReadonlyMap<string, T>): Map<string, T> =>
  renameKeys(state, sewKeyFromSpikingJelly);

/** Rename the keys of ResNets for CIFAR in other repositories: linear.weight -> fc.weight, layer2.0.shortcut.0.weight -> layer2.0.downsample.0.weight. */
export const cifarResNetKey: KeyRule = (name) =>
  name.replace(/^linear\./, "fc.").replace(/^(layer\d\.\d+)\.shortcut\./, "$1.downsample.");

/** Rules by name. torchvision's names need none: the models here have the same. */
export const keyRules: Readonly<Record<string, KeyRule>> = {
  "data-parallel": withoutPrefix("module."),
  "sew-from-spikingjelly": sewKeyFromSpikingJelly,
  "sew-to-spikingjelly": sewKeyToSpikingJelly,
  "cifar-resnet": cifarResNetKey,
};

/**
 * Return the rule of `rules` that matches the most names of a model, or null if no rule matches more than the file's
 * own names.
 *
 * `wanted`: the model's names.
 */
export function bestKeyRule(
  names: Iterable<string>,
  wanted: ReadonlySet<string>,
  rules: Readonly<Record<string, KeyRule>> = keyRules,
): { readonly name: string; readonly rule: KeyRule } | null {
  const given = [...names];
  const hits = (rule: KeyRule) => new Set(given.map(rule).filter((name) => wanted.has(name))).size;
  let most = hits((name) => name);
  let best: { name: string; rule: KeyRule } | null = null;
  for (const [name, rule] of Object.entries(rules)) {
    const count = hits(rule);
    if (count <= most) continue;
    most = count;
    best = { name, rule };
  }
  return best;
}
