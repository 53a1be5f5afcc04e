// The models room: architectures made of nn modules.
export { LeNetBN } from "./lenet_bn.ts";
export { MobileNetV1, type MobileNetV1Config, mobilenetV1Plan } from "./mobilenet_v1.ts";
export { type BuildOptions, buildModel, type ModelInput, models } from "./registry.ts";
export { BasicBlock, type BasicBlockConfig, ResNetCifar, type ResNetCifarConfig } from "./resnet_cifar.ts";
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
export { sewKeyFromSpikingJelly, sewKeyToSpikingJelly, sewStateFromSpikingJelly } from "./spiking/sew_keys.ts";
export { SewNet, type SewNetConfig } from "./spiking/sew_net.ts";
export { type SewDepth, SewResNet, type SewResNetConfig } from "./spiking/sew_resnet.ts";
export { SpikingCnn, type SpikingCnnConfig } from "./spiking/spiking_cnn.ts";
