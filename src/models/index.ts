// The models room: architectures made of nn modules.
export { LeNetBN } from "./lenet_bn.ts";
export { MobileNetV1, type MobileNetV1Config, mobilenetV1Plan } from "./mobilenet_v1.ts";
export { type BuildOptions, buildModel, type ModelInput, models } from "./registry.ts";
export { BasicBlock, type BasicBlockConfig, ResNetCifar, type ResNetCifarConfig } from "./resnet_cifar.ts";
