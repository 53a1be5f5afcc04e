// Names of layers for readers, such as "First convolution", from their keys and shapes.
import type { LayerInfo } from "../shared/protocol.ts";
import { t } from "../texts/text.ts";

type Kind = "conv" | "depthwise" | "pointwise" | "shortcut" | "linear" | "other";

function kindOf({ name, shape }: LayerInfo, index: number): Kind {
  if (/downsample|shortcut/.test(name)) return "shortcut";
  if (shape.length === 2) return "linear";
  if (shape.length !== 4) return "other";
  if (index > 0 && shape[1] === 1 && shape[0]! > 1) return "depthwise";
  return shape[2] === 1 && shape[3] === 1 ? "pointwise" : "conv";
}

/** Return a name for each layer of a network. Layers of a kind are numbered in the order of the network. */
export function layerNames(layers: readonly LayerInfo[]): string[] {
  const kinds = layers.map(kindOf);
  const seen = new Map<Kind, number>();
  return kinds.map((kind, index) => {
    const n = (seen.get(kind) ?? 0) + 1;
    seen.set(kind, n);
    if (kind === "conv") return n === 1 && index === 0 ? t("layer.first-conv") : t("layer.conv", { n });
    if (kind !== "linear") return t(`layer.${kind}`, { n: kind === "other" ? index + 1 : n });
    const linears = kinds.filter((other) => other === "linear").length;
    if (index === kinds.length - 1 && linears > 1) return t("layer.output");
    return linears <= 2 ? t("layer.only-linear") : t("layer.linear", { n });
  });
}
