// Evidence of a GPU without opening a driver.
import { existsSync, readdirSync } from "node:fs";

/** Device files of GPUs: of NVIDIA's driver, of Windows below WSL, of Arm's driver. */
const FILES = ["/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg", "/dev/mali0"];

/** Return true if the system has a device file of a GPU, of any kind. */
export function hasGpuNode(): boolean {
  const nodes = () => {
    try {
      return readdirSync("/dev/dri");
    } catch {
      return [];
    }
  };
  return FILES.some((path) => existsSync(path)) || nodes().some((name) => name.startsWith("renderD"));
}
