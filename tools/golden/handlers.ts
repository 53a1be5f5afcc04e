// All op families of the runner, one line each.
import type { Handlers } from "./handler.ts";
import { adaptiveHandlers } from "./ops_adaptive.ts";
import { convHandlers } from "./ops_conv.ts";
import { elementwiseHandlers } from "./ops_elementwise.ts";
import { eventHandlers } from "./ops_events.ts";
import { learnedThresholdHandlers } from "./ops_learned_threshold.ts";
import { lossHandlers } from "./ops_losses.ts";
import { matmulHandlers } from "./ops_matmul.ts";
import { normHandlers } from "./ops_norm.ts";
import { optimHandlers } from "./ops_optim.ts";
import { poolHandlers } from "./ops_pool.ts";
import { reduceHandlers } from "./ops_reduce.ts";
import { sparseHandlers } from "./ops_sparse.ts";
import { spikingHandlers } from "./ops_spiking.ts";
import { structuredHandlers } from "./ops_structured.ts";
import { trainingHandlers } from "./ops_training.ts";
import { zooLogitsHandlers } from "./ops_zoo_logits.ts";

export const allHandlers: Handlers = {
  ...convHandlers,
  ...normHandlers,
  ...matmulHandlers,
  ...poolHandlers,
  ...elementwiseHandlers,
  ...reduceHandlers,
  ...lossHandlers,
  ...sparseHandlers,
  ...structuredHandlers,
  ...spikingHandlers,
  ...optimHandlers,
  ...adaptiveHandlers,
  ...learnedThresholdHandlers,
  ...trainingHandlers,
  ...eventHandlers,
  ...zooLogitsHandlers,
};
