// The models room: architectures made of nn modules.
export { AlexNet, type AlexNetConfig, AlexNetLrn } from "./alexnet.ts";
export type { ClassifierKind } from "./classifier.ts";
export { EfficientNet, type EfficientNetConfig } from "./efficientnet.ts";
export type { BuildOptions, HiddenLayers, ImageModel, ModelEntry, ModelInput, ModelList } from "./entry.ts";
export { LeNet, type LeNetConfig } from "./lenet.ts";
export { LeNetBN } from "./lenet_bn.ts";
export { MixNet, type MixNetConfig } from "./mixnet.ts";
export { Mlp, type MlpConfig } from "./mlp.ts";
export { MobileNetV1, type MobileNetV1Config, mobilenetV1Plan } from "./mobilenet_v1.ts";
export { MobileNetV2, type MobileNetV2Config } from "./mobilenet_v2.ts";
export { buildModel, modelRegistry } from "./registry.ts";
export { ResNet, type ResNetConfig, type ResNetDepth } from "./resnet.ts";
export {
  BasicBlock,
  type BasicBlockConfig,
  Bottleneck,
  type BottleneckConfig,
  SHORTCUTS,
  type ShortcutKind,
} from "./resnet_block.ts";
export { ResNetCifar, type ResNetCifarConfig } from "./resnet_cifar.ts";
export { buildSmallModel, smallModels } from "./small.ts";
export {
  ENCODERS,
  type EncoderName,
  NEURONS,
  type NeuronName,
  SpikingInput,
  type SpikingOptions,
} from "./spiking/input.ts";
export { SewBasicBlock, type SewBlockConfig, SewBottleneck } from "./spiking/sew_block.ts";
export { SewDvs, type SewDvsConfig, sewDvsPlans } from "./spiking/sew_dvs.ts";
export { SewNet, type SewNetConfig } from "./spiking/sew_net.ts";
export { type SewDepth, SewResNet, type SewResNetConfig } from "./spiking/sew_resnet.ts";
export { SpikingCnn, type SpikingCnnConfig } from "./spiking/spiking_cnn.ts";
export { StdsCifar10, type StdsCifar10Config } from "./spiking/stds_cifar10.ts";
export { Vgg16Bn, type Vgg16Config } from "./vgg.ts";
