// Weights from PyTorch's own files.
export { TorchFileError } from "./error.ts";
export { isTorchFile, readTorchFile, type TorchTree } from "./file.ts";
export { allowedGlobals } from "./globals.ts";
export { describeValue, PickleGlobal, PickleObject, PickleOpaque, type PickleValue } from "./pickle_values.ts";
export { denseWeights, type StateDictOptions, stateDictOf, type TorchStateDict, wrapperKeys } from "./state_dict.ts";
export { TorchStorage, TorchTensor } from "./tensor.ts";
