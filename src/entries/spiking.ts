// Public entry `espalier/spiking`: spiking neurons, encoders and activity.
export { IFNode, LIFNode, ParametricLIFNode } from "../nn/index.ts";
