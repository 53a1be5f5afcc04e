import fc from "fast-check";
import { expect, test } from "vitest";
import { bestKeyRule, KeyMapError, keyRules, renameKeys, withoutPrefix } from "../../src/io/index.ts";
import { SewResNet } from "../../src/models/index.ts";

const PARTS = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
/**
 * Names of SEW ResNet-18 in SpikingJelly, from its plan: two blocks a stage, a shortcut if the channel count changes.
 */
function spikingJellyNames(): string[] {
  const bn = (path: string) => PARTS.map((part) => `${path}.${part}`);
  const blocks = [1, 2, 3, 4].flatMap((stage) => [`layer${stage}.0`, `layer${stage}.1`]);
  const inBlocks = blocks.flatMap((block) => [
    ...[1, 2].flatMap((i) => [`${block}.conv${i}.weight`, ...bn(`${block}.bn${i}`)]),
    ...(/[234]\.0$/.test(block) ? [`${block}.downsample.0.weight`, ...bn(`${block}.downsample.1`)] : []),
  ]);
  return ["conv1.weight", ...bn("bn1"), ...inBlocks, "fc.weight", "fc.bias"];
}
const sewNames = () => new Set([...new SewResNet().namedState()].map(([name]) => name));
const rule = (name: string) => keyRules[name] ?? expect.unreachable(`no rule ${name}`);

test("converts SpikingJelly's names of SEW ResNet to the authors' and back", () => {
  const theirs = spikingJellyNames();
  expect(theirs).toHaveLength(122);
  const ours = theirs.map(rule("sew-from-spikingjelly"));
  expect(new Set(ours.filter((name) => !name.endsWith("num_batches_tracked")))).toEqual(sewNames());
  expect(ours.map(rule("sew-to-spikingjelly"))).toEqual(theirs);
  expect(ours).toContain("layer1.0.conv1.module.0.weight");
  expect(ours).toContain("layer1.0.conv1.module.1.num_batches_tracked");
  expect(ours).toContain("layer2.0.downsample.0.module.1.running_var");
});

test("keeps names that no rule covers", () => {
  const names = fc.constantFrom(
    "conv1.weight",
    "fc.bias",
    "layer1.0.sn1.w",
    "features.0.0.weight",
    "model.0.1.bias",
    "",
  );
  fc.assert(
    fc.property(names, fc.constantFrom(...Object.keys(keyRules)), (name, key) => {
      expect(rule(key)(name)).toBe(name);
    }),
  );
});

test("renames the keys of ResNets for CIFAR of other repositories", () => {
  const renamed = {
    "linear.weight": "fc.weight",
    "linear.bias": "fc.bias",
    "layer2.0.shortcut.0.weight": "layer2.0.downsample.0.weight",
    "layer3.0.shortcut.1.running_mean": "layer3.0.downsample.1.running_mean",
    "layer1.0.conv1.weight": "layer1.0.conv1.weight",
    "head.linear.weight": "head.linear.weight",
  };
  expect(Object.keys(renamed).map(rule("cifar-resnet"))).toEqual(Object.values(renamed));
});

test("keeps order and values, and refuses two entries with one name", () => {
  const entries = new Map([
    ["module.b", 1],
    ["a", 2],
  ]);
  expect([...renameKeys(entries, withoutPrefix("module."))]).toEqual([
    ["b", 1],
    ["a", 2],
  ]);
  expect(() => renameKeys(entries.set("b", 3), withoutPrefix("module."))).toThrow(KeyMapError);
  expect(() => renameKeys(entries, withoutPrefix("module."))).toThrow('keys "module.b" and "b" would both be "b"');
});

test("finds the rule that fits a model, and none if the names fit", () => {
  const wanted = sewNames();
  expect(bestKeyRule(spikingJellyNames(), wanted)?.name).toBe("sew-from-spikingjelly");
  expect(bestKeyRule(wanted, wanted)).toBeNull();
  const parallel = [...wanted].map((name) => `module.${name}`);
  const found = bestKeyRule(parallel, wanted);
  expect(found?.name).toBe("data-parallel");
  expect(parallel.map((name) => found?.rule(name))).toEqual([...wanted]);
  expect(bestKeyRule([], wanted)).toBeNull();
});
