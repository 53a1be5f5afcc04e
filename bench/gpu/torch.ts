// PyTorch beside the engine: the same layers and steps in python3, where torch is installed.
import { spawn } from "node:child_process";
import type { Layer, Product } from "./layers.ts";
import type { StepModel } from "./steps.ts";

interface TorchRow {
  /** `conv forward`, `conv data gradient`, `conv weight gradient`, `matmul` or `step`. */
  readonly pass: string;
  readonly name: string;
  /** f32; tf32: f32 with matrix units of fewer digits; f16: autocast in steps. */
  readonly precision: "f32" | "tf32" | "f16";
  readonly ms: number;
}

export interface TorchReport {
  readonly version: string;
  readonly device: string;
  readonly rows: readonly TorchRow[];
}

interface TorchOrder {
  readonly seconds: number;
  readonly layers: readonly Layer[];
  readonly products: readonly Product[];
  readonly steps: readonly StepModel[];
}

/** The program: reads an order from its first argument, prints a report as JSON. */
const PROGRAM = `
import json, sys, time, torch
import torch.nn as nn
import torch.nn.functional as F

order = json.loads(sys.argv[1])
cuda = torch.cuda.is_available()
device = torch.device("cuda" if cuda else "cpu")
if not cuda:
    torch.set_num_threads(max(1, torch.get_num_threads()))
end = time.time() + order["seconds"]
rows = []
TYPES = [("f32", torch.float32, False), ("tf32", torch.float32, True), ("f16", torch.float16, True)] if cuda else [("f32", torch.float32, False)]

def sync():
    if cuda:
        torch.cuda.synchronize()

def clock(run):
    run(); run(); sync()
    start = time.perf_counter(); run(); sync()
    one = max(time.perf_counter() - start, 1e-6)
    repeats = max(1, min(100, int(0.02 / one)))
    times = []
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        sync()
        times.append((time.perf_counter() - start) / repeats)
    return 1000 * sorted(times)[1]

def digits(allow):
    if cuda:
        torch.backends.cuda.matmul.allow_tf32 = allow
        torch.backends.cudnn.allow_tf32 = allow
        torch.backends.cudnn.benchmark = True

def note(kind, name, precision, run):
    if time.time() > end:
        return
    rows.append({"pass": kind, "name": name, "precision": precision, "ms": clock(run)})

def layer_name(l):
    stride = "" if l["stride"] == 1 else "/%d" % l["stride"]
    return "%dx%d%s %d->%d [%s]" % (l["kernel"], l["kernel"], stride, l["x"][1], l["outputs"], ",".join(map(str, l["x"])))

for l in order["layers"]:
    for precision, dtype, allow in TYPES:
        digits(allow)
        x = torch.randn(l["x"], device=device, dtype=dtype)
        w = torch.randn([l["outputs"], l["x"][1], l["kernel"], l["kernel"]], device=device, dtype=dtype)
        how = dict(stride=l["stride"], padding=l["padding"])
        y = F.conv2d(x, w, **how)
        dy = torch.randn_like(y)
        name = layer_name(l)
        note("conv forward", name, precision, lambda: F.conv2d(x, w, **how))
        note("conv data gradient", name, precision, lambda: torch.nn.grad.conv2d_input(x.shape, w, dy, **how))
        note("conv weight gradient", name, precision, lambda: torch.nn.grad.conv2d_weight(x, w.shape, dy, **how))

for p in order["products"]:
    for precision, dtype, allow in TYPES:
        digits(allow)
        a = torch.randn([p["m"], p["k"]], device=device, dtype=dtype)
        b = torch.randn([p["k"], p["n"]], device=device, dtype=dtype)
        note("matmul", "%dx%dx%d" % (p["m"], p["n"], p["k"]), precision, lambda: a @ b)

class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        out = 4 * width
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True),
            nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
        self.side = None if stride == 1 and inputs == out else nn.Sequential(
            nn.Conv2d(inputs, out, 1, stride, bias=False), nn.BatchNorm2d(out))
    def forward(self, x):
        return F.relu(self.body(x) + (x if self.side is None else self.side(x)))

class Basic(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(True),
            nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width))
        self.side = None if stride == 1 and inputs == width else nn.Sequential(
            nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))
    def forward(self, x):
        return F.relu(self.body(x) + (x if self.side is None else self.side(x)))

def stages(block, inputs, widths, depths, expansion):
    parts = []
    for i, (width, depth) in enumerate(zip(widths, depths)):
        for j in range(depth):
            parts.append(block(inputs, width, 2 if i > 0 and j == 0 else 1))
            inputs = expansion * width
    return parts, inputs

def model_of(name):
    if name == "resnet-50":
        parts, out = stages(Bottleneck, 64, [64, 128, 256, 512], [3, 4, 6, 3], 4)
        stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
    else:
        parts, out = stages(Basic, 16, [16, 32, 64], [3, 3, 3], 1)
        stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(True)]
    return nn.Sequential(*stem, *parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(out, 10))

for s in order["steps"]:
    for precision, dtype, allow in TYPES:
        if time.time() > end:
            break
        digits(allow)
        net = model_of(s["model"]).to(device)
        half = precision == "f16"
        x = torch.randn([s["batch"], 3, s["size"], s["size"]], device=device)
        y = torch.arange(s["batch"], device=device) % 10
        if half:
            net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
        scaler = torch.cuda.amp.GradScaler(enabled=half)
        def step():
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, dtype=torch.float16, enabled=half):
                loss = F.cross_entropy(net(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
        note("step", "%s batch %d" % (s["model"], s["batch"]), precision, step)

name = torch.cuda.get_device_name(0) if cuda else "CPU, %d threads" % torch.get_num_threads()
print(json.dumps({"version": torch.__version__, "device": name, "rows": rows}))
`;

/** Run a program and return what it printed; null if it failed or took too long. */
function output(program: string, args: readonly string[], seconds: number): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], timeout: 1000 * seconds });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code === 0 ? text : null));
  });
}

/** Return the version of the installed PyTorch, or null. */
export async function torchVersion(): Promise<string | null> {
  return (await output("python3", ["-c", "import torch; print(torch.__version__)"], 20))?.trim() ?? null;
}

/** Measure PyTorch for about `order.seconds`. Null if it fails. */
export async function measureTorch(order: TorchOrder): Promise<TorchReport | null> {
  const text = await output("python3", ["-c", PROGRAM, JSON.stringify(order)], order.seconds + 20);
  const line = text?.trim().split("\n").at(-1);
  return line ? (JSON.parse(line) as TorchReport) : null;
}
