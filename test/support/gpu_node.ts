// Set-up of the gpu test project in Node: an adapter through Dawn, and one device per test file.
import { afterAll, beforeAll } from "vitest";
import { installGpu } from "../../src/node/dawn.ts";
import { closeTestGpu, openTestGpu } from "./gpu.ts";

beforeAll(async () => {
  await installGpu();
  await openTestGpu();
});
afterAll(closeTestGpu);
