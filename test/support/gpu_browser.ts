// Set-up of the browser test project: the page's own WebGPU, one device per test file.
import { afterAll, beforeAll } from "vitest";
import { closeTestGpu, openTestGpu } from "./gpu.ts";

beforeAll(openTestGpu);
afterAll(closeTestGpu);
