// Leaves the losses of training.mjs in the page's title, or the error.
import { requestGpu } from "espalier";
import { train } from "./training.mjs";

try {
  await requestGpu();
  document.title = JSON.stringify(await train());
} catch (error) {
  document.title = `failed: ${error.message}`;
}
