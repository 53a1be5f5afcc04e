"""Writes the .pt files beside it, and expected.json. Run once with Python 3 and torch 1.13: python3 make.py

The tests read what is committed and need no Python. All values come from `values`, so that tests can compute them.
"""
import json
import os
from collections import OrderedDict
from pathlib import Path

import numpy
import torch

HERE = Path(__file__).parent
OLD = {"_use_new_zipfile_serialization": False}
FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
SIGNED = [torch.int64, torch.int32, torch.int16, torch.int8]


def values(shape, seed=0, dtype=torch.float32):
    """Element i is ((7 i + seed) mod 11 - 5) / 4, exact in every float type; without the division in whole numbers."""
    count = int(numpy.prod(shape, dtype=int))
    x = (torch.arange(count) * 7 + seed) % 11 - 5
    if dtype == torch.bool:
        return (x > 0).reshape(shape)
    if dtype == torch.uint8:
        return (x + 5).to(dtype).reshape(shape)
    return (x.to(torch.float64) / 4 if dtype in FLOATS else x).to(dtype).reshape(shape)


def tensors():
    state = OrderedDict()
    for seed, dtype in enumerate([*FLOATS, *SIGNED, torch.uint8, torch.bool]):
        state[str(dtype).split(".")[1]] = values((2, 3), seed, dtype)
    state["scalar"] = values((), 3)
    state["empty"] = torch.zeros(0, 3)
    state["parameter"] = torch.nn.Parameter(values((5,), 4))
    return state


def views():
    base = values((4, 6))
    return {
        "base": base,
        "transposed": base.t(),
        "part": base[1:, ::2],
        "row": base[2],
        "expanded": base[:, :1].expand(4, 3),
        "channels_last": values((2, 3, 2, 2), 1).to(memory_format=torch.channels_last),
        "half_transposed": values((3, 2), 2, torch.float16).t(),
        "long_transposed": values((3, 2), 2, torch.int64).t(),
    }


def net():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(32, 3)
    )
    with torch.no_grad():
        for seed, tensor in enumerate(model.state_dict().values()):
            fresh = values(tensor.shape, seed, tensor.dtype)
            tensor.copy_(fresh.abs() + 1 if tensor.dtype == torch.int64 else fresh)
        model[1].running_var.abs_().add_(0.5)
    return model.eval()


class System:
    def __reduce__(self):
        return os.system, ("echo a weights file ran this",)


def save(name, what, **options):
    torch.save(what, HERE / f"{name}.pt", **options)


model = net()
state = model.state_dict()
parallel = {f"module.{name}": tensor for name, tensor in state.items()}
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
model(values((1, 1, 6, 6), 9)).sum().backward()
optimizer.step()
model.load_state_dict(net().state_dict())

save("tensors", tensors())
save("tensors_legacy", tensors(), **OLD)
save("tensors_protocol4", tensors(), pickle_protocol=4)
save("views", views())
save("views_legacy", views(), **OLD)
save("net", net().state_dict())
save(
    "checkpoint",
    {
        "epoch": 3,
        "arch": "net",
        "state_dict": parallel,
        "optimizer": optimizer.state_dict(),
        "best": 0.75,
        "shape": torch.Size([1, 6, 6]),
        "device": torch.device("cuda", 1),
        "dtype": torch.float16,
        "large": 2**70,
        "negative": [-3, -(2**40)],
        "tuple": (1, None, True, "ä"),
        "set": {1, 2},
        "rng": torch.arange(4, dtype=torch.uint8),
    },
)
save("model_key_legacy", {"model": net().state_dict(), "ema": net().state_dict()}, **OLD)
save("os_system", {"weight": values((2,)), "extra": System()})
save("os_system_legacy", {"extra": System()}, **OLD)
save("whole_model", net())
save("sparse", {"weight": torch.eye(2).to_sparse()})
save("quantized", {"weight": torch.quantize_per_tensor(torch.ones(2), 0.5, 0, torch.qint8)})
save("complex", {"weight": torch.ones(2, dtype=torch.complex64)})
save("numpy_scalar", {"weight": torch.ones(2), "best": numpy.float64(0.5)})

x = values((2, 1, 6, 6), 5)
logits = net().double()(x.double())
(HERE / "expected.json").write_text(json.dumps({"net_logits": [round(v, 9) for v in logits.flatten().tolist()]}) + "\n")
