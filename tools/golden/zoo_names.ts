// What other projects call the models of the registry: torchvision by function, facts with the project in front.
export const registryNames: Readonly<Record<string, string>> = {
  alexnet: "alexnet",
  resnet18: "resnet-18",
  resnet34: "resnet-34",
  resnet50: "resnet-50",
  mobilenet_v2: "mobilenet-v2",
  efficientnet_b0: "efficientnet-b0",
  vgg16_bn: "vgg16-bn",
  // timm's
  mixnet_s: "mixnet-s",
  // no torchvision function, but no doubt either
  "lats/mobilenet_v1": "mobilenet-v1",
  "lats/resnet50": "resnet-50-lats",
};

/** The registry's name of a model; null where it has none. */
export function registryName(name: string): string | null {
  const bare = name.replace(/^(?:torchvision|timm)\//, "");
  return Object.hasOwn(registryNames, bare) ? registryNames[bare]! : null;
}
