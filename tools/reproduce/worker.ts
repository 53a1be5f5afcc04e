// A worker process of `npm run reproduce -- --jobs N`: opens the GPU, trains the tasks that it gets, and ends with its parent.
import { adapterName } from "../../src/node/adapter.ts";
import { errorMessage, type WorkerMessage } from "./messages.ts";
import type { Task } from "./plan.ts";
import { openTrainer } from "./train.ts";

const send = (message: WorkerMessage) => void process.send?.(message);

// A terminal sends its signal to all processes; the parent decides when to stop.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));

try {
  const { adapter, files } = JSON.parse(process.argv[2] ?? "{}");
  const { gpu, train } = await openTrainer({ adapter, files });
  process.on("message", (task: Task) => {
    train(task).then(
      (outcome) => send({ kind: "outcome", outcome }),
      (error: unknown) => send(errorMessage(error)),
    );
  });
  // The parent may have ended meanwhile.
  if (!process.connected) process.exit(0);
  send({ kind: "ready", adapter: adapterName(gpu.adapter) });
} catch (error) {
  send(errorMessage(error));
}
