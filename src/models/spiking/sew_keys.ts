// Names of SEW ResNet's tensors in the two codes that publish weights: the authors' (ours) and SpikingJelly's.
import type { StateDict } from "../../nn/index.ts";

const BLOCK = /^(layer\d\.\d+)\.(conv|bn)(\d)\.(\w+)$/;
const SHORTCUT = /^(layer\d\.\d+\.downsample)\.([01])\.(\w+)$/;

/** layer1.0.conv1.weight -> layer1.0.conv1.module.0.weight; other names stay. */
export function sewKeyFromSpikingJelly(name: string): string {
  const block = BLOCK.exec(name);
  if (block) {
    const [, place, kind, i, part] = block;
    return `${place}.conv${i}.module.${kind === "conv" ? 0 : 1}.${part}`;
  }
  const shortcut = SHORTCUT.exec(name);
  return shortcut ? `${shortcut[1]}.0.module.${shortcut[2]}.${shortcut[3]}` : name;
}

/** layer1.0.conv1.module.0.weight -> layer1.0.conv1.weight; other names stay. */
export function sewKeyToSpikingJelly(name: string): string {
  const shortcut = /^(layer\d\.\d+\.downsample)\.0\.module\.([01])\.(\w+)$/.exec(name);
  if (shortcut) return `${shortcut[1]}.${shortcut[2]}.${shortcut[3]}`;
  const block = /^(layer\d\.\d+)\.conv(\d)\.module\.([01])\.(\w+)$/.exec(name);
  if (!block) return name;
  const [, place, i, kind, part] = block;
  return `${place}.${kind === "0" ? "conv" : "bn"}${i}.${part}`;
}

/** A state_dict of SpikingJelly's SEW ResNet under the names that SewResNet wants. */
export function sewStateFromSpikingJelly(state: StateDict): StateDict {
  return new Map([...state].map(([name, array]) => [sewKeyFromSpikingJelly(name), array]));
}
