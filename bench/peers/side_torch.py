#!/usr/bin/env python3
"""PyTorch on the CPU: another kind of engine, for scale. Answers the same requests as the JavaScript sides (protocol.ts)."""
import base64
import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

SEEDS = {"a": 1, "x": 1, "b": 1009, "w": 1009, "dy": 2003, "images": 3001, "weights": 4001}
MOMENTUM, EPS, RUNNING_SHARE, CLASSES, LOSSES = 0.9, 1e-5, 0.1, 10, 3


def hash32(n):
    """The integer hash of test/support/random.ts on an array."""
    h = ((n & 0xFFFFFFFF) ^ 0x9E3779B9).astype(np.uint32)
    h = (h * np.uint32(0x85EBCA6B)).astype(np.uint32)
    h = ((h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)).astype(np.uint32)
    return (h ^ (h >> np.uint32(16))).astype(np.float64)


def normal(shape, seed, scale=1.0):
    at = seed * 7919 + 2 * np.arange(int(np.prod(shape)), dtype=np.int64)
    u, v = (hash32(at) + 1) / 4294967297, hash32(at + 1) / 4294967296
    values = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v) * scale
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def operand(name, shape):
    return normal(shape, SEEDS[name], 0.1 if name == "w" else 1.0)


def matmul_job(work):
    n = work["n"]
    a, b = operand("a", (n, n)), operand("b", (n, n))
    return lambda: [a @ b]


def conv_job(work):
    batch, size, kernel, pad, groups = (work[k] for k in ("batch", "size", "kernel", "padding", "groups"))
    x = operand("x", (batch, work["inputs"], size, size))
    w = operand("w", (work["outputs"], work["inputs"] // groups, kernel, kernel))
    dy = operand("dy", (batch, work["outputs"], size, size))
    if work["pass"] == "forward":
        return lambda: [F.conv2d(x, w, None, 1, pad, 1, groups)]
    index = 0 if work["pass"] == "grad input" else 1
    wanted = [index == 0, index == 1, False]
    backward = torch.ops.aten.convolution_backward
    args = (dy, x, w, None, [1, 1], [pad, pad], [1, 1], False, [0, 0], groups, wanted)
    return lambda: [backward(*args)[index]]


def batch_norm_job(work):
    shape = work["shape"]
    x = operand("x", shape).requires_grad_()
    dy = operand("dy", shape)
    weight, bias = torch.ones(shape[1], requires_grad=True), torch.zeros(shape[1], requires_grad=True)

    def run():
        y = F.batch_norm(x, None, None, weight, bias, True, RUNNING_SHARE, EPS)
        return [y, *torch.autograd.grad(y, (x, weight, bias), dy)]

    return run


class Net:
    """The nets of workloads.ts over named weights."""

    def __init__(self, specs):
        self.p, self.running = {}, {}
        for i, (name, shape) in enumerate(specs):
            if len(shape) == 1:
                value = torch.ones(shape) if name.endswith("weight") else torch.zeros(shape)
                if name.endswith("weight"):
                    self.running[name[: -len(".weight")]] = (torch.zeros(shape), torch.ones(shape))
            else:
                value = normal(shape, SEEDS["weights"] + 17 * i, float(np.sqrt(2 / np.prod(shape[1:]))))
            self.p[name] = value.requires_grad_()

    def conv(self, x, name, stride, pad):
        return F.conv2d(x, self.p[name + ".weight"], None, stride, pad)

    def norm(self, x, name):
        weight, bias = self.p[name + ".weight"], self.p[name + ".bias"]
        return F.batch_norm(x, *self.running[name], weight, bias, True, RUNNING_SHARE, EPS)

    def linear(self, x, name):
        return F.linear(x, self.p[name + ".weight"], self.p[name + ".bias"])

    def lenet(self, x):
        h = F.relu(self.norm(self.conv(x, "0", 2, 2), "1"))
        h = F.relu(self.norm(self.conv(h, "3", 2, 2), "4")).flatten(1)
        return self.linear(F.relu(self.linear(h, "7")), "9")

    def resnet(self, x):
        h = F.relu(self.norm(self.conv(x, "conv1", 1, 1), "bn1"))
        for stage in (1, 2, 3):
            for block in range(3):
                at, shrinks = f"layer{stage}.{block}", stage > 1 and block == 0
                stride = 2 if shrinks else 1
                y = F.relu(self.norm(self.conv(h, at + ".conv1", stride, 1), at + ".bn1"))
                y = self.norm(self.conv(y, at + ".conv2", 1, 1), at + ".bn2")
                skip = self.norm(self.conv(h, at + ".downsample.0", 2, 0), at + ".downsample.1") if shrinks else h
                h = F.relu(y + skip)
        return self.linear(h.mean((2, 3)), "fc")


def lenet_specs():
    return [
        ("0.weight", (8, 1, 5, 5)), ("1.weight", (8,)), ("1.bias", (8,)),
        ("3.weight", (16, 8, 5, 5)), ("4.weight", (16,)), ("4.bias", (16,)),
        ("7.weight", (128, 784)), ("7.bias", (128,)), ("9.weight", (CLASSES, 128)), ("9.bias", (CLASSES,)),
    ]  # fmt: skip


def resnet_specs():
    specs = []

    def unit(conv, bn, shape):
        specs.extend([(conv + ".weight", shape), (bn + ".weight", shape[:1]), (bn + ".bias", shape[:1])])

    unit("conv1", "bn1", (16, 3, 3, 3))
    inputs = 16
    for stage, outputs in enumerate((16, 32, 64)):
        for block in range(3):
            at = f"layer{stage + 1}.{block}"
            unit(at + ".conv1", at + ".bn1", (outputs, inputs, 3, 3))
            unit(at + ".conv2", at + ".bn2", (outputs, outputs, 3, 3))
            if inputs != outputs:
                unit(at + ".downsample.0", at + ".downsample.1", (outputs, inputs, 1, 1))
            inputs = outputs
    return specs + [("fc.weight", (CLASSES, 64)), ("fc.bias", (CLASSES,))]


def step_job(work):
    lenet = work["net"] == "lenet-bn"
    net = Net(lenet_specs() if lenet else resnet_specs())
    forward = net.lenet if lenet else net.resnet
    optimizer = torch.optim.SGD(list(net.p.values()), work["lr"], MOMENTUM)
    x = operand("images", (work["batch"], work["channels"], work["size"], work["size"]))
    y = torch.arange(work["batch"]) % CLASSES

    def run():
        optimizer.zero_grad()
        loss = F.cross_entropy(forward(x), y)
        loss.backward()
        optimizer.step()
        return [loss.detach()]

    return run


JOBS = {"matmul": matmul_job, "conv": conv_job, "batch norm": batch_norm_job, "step": step_job}


class Side:
    def prepare(self, work):
        self.job = JOBS[work["kind"]](work)
        first = self.time(1)
        results = list(self.latest)
        if work["kind"] == "step":
            for _ in range(LOSSES - 1):
                self.time(1)
                results += self.latest
        self.warm = self.time(1)
        return {
            "firstMs": first,
            "warmMs": self.warm,
            "calls": None,
            "results": [base64.b64encode(r.detach().contiguous().numpy().tobytes()).decode() for r in results],
            "library": f"PyTorch {torch.__version__}",
            "adapter": f"CPU, {torch.get_num_threads()} threads",
        }

    def round(self, ms):
        repeats = min(500, max(1, round(ms / max(self.warm, 0.05))))
        each = self.time(repeats) / repeats
        self.warm = min(self.warm, each)
        return {"ms": each, "repeats": repeats}

    def time(self, repeats):
        start = time.perf_counter()
        for _ in range(repeats):
            self.latest = self.job()
        return (time.perf_counter() - start) * 1e3


def main():
    side = Side()
    for line in sys.stdin:
        try:
            request = json.loads(line)
            value = side.prepare(request["work"]) if request["do"] == "prepare" else side.round(request["ms"])
            answer = {"value": value}
        except Exception as error:  # reported to the bench, which goes on with the others
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
