// Names of the registry's models in other projects: torchvision's functions, and facts with the project's name as a prefix.
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
  // no torchvision function, but unambiguous
  "lats/mobilenet_v1": "mobilenet-v1",
  "lats/resnet50": "resnet-50-lats",
};

/** Return the registry's name of a model; null if there is none. */
export function registryName(name: string): string | null {
  const bare = name.replace(/^(?:torchvision|timm)\//, "");
  return Object.hasOwn(registryNames, bare) ? registryNames[bare]! : null;
}
