"""Devices, as their makers' data sheets have them, and how many of them a name means."""

import re
from dataclasses import dataclass

from codeit_jax.errors import UserError

_GB, _GIB = 10**9, 2**30


@dataclass(frozen=True)
class Device:
    """A chip of a kind.

    Attributes:
        name: as it is called here.
        memory: bytes of its memory.
        bandwidth: bytes a second between that and what computes.
        bfloat16: floating point operations a second in products of bfloat16, without sparsity.
        float32: the same in products of float32 at JAX's default precision, which is bfloat16 on a TPU and
            TensorFloat-32 on a GPU.
        is_gpu: whether it is a GPU.
    """

    name: str
    memory: int
    bandwidth: float
    bfloat16: float
    float32: float
    is_gpu: bool = False


def _tpu(name: str, memory: int, bandwidth: float, teraflops: float) -> Device:
    return Device(name, memory, bandwidth * 1e9, teraflops * 1e12, teraflops * 1e12)


def _gpu(name: str, gigabytes: int, bandwidth: float, teraflops: float) -> Device:
    # Every one of these makes half as many operations in TensorFloat-32.
    return Device(name, gigabytes * _GB, bandwidth * 1e9, teraflops * 1e12, teraflops / 2 * 1e12, is_gpu=True)


# Cloud TPU's pages of system architecture, and NVIDIA's data sheets: of H100, H200 and A100 (80 GB) the SXM
# form, of B200 an eighth of a DGX.
_TPUS = {
    "v4": _tpu("v4", 32 * _GIB, 1200, 275),
    "v5e": _tpu("v5e", 16 * _GB, 819, 197),
    "v5p": _tpu("v5p", 95 * _GB, 2765, 459),
    "v6e": _tpu("v6e", 32 * _GB, 1640, 918),
}
_GPUS = {
    "b200": _gpu("b200", 180, 8000, 2250),
    "h200": _gpu("h200", 141, 4800, 989),
    "h100": _gpu("h100", 80, 3350, 989),
    "a100": _gpu("a100", 80, 2039, 312),
    "l4": _gpu("l4", 24, 300, 121),
    "rtx4090": _gpu("rtx4090", 24, 1008, 165),
}
DEVICES = _TPUS | _GPUS

# Patterns of what JAX calls these kinds; the first that is found counts. H100s on a card are slower.
_KINDS = {
    r"\bB200\b": "b200",
    r"\bH200$": "h200",
    r"\bH100(?! PCIe| NVL)": "h100",
    r"\bA100": "a100",
    r"\bL4$": "l4",
    r"\bRTX 4090\b": "rtx4090",
    r"TPU v4$": "v4",
    r"TPU v5 lite|TPU v5e": "v5e",
    r"TPU v5": "v5p",
    r"TPU v6": "v6e",
}

# Of these a type's number counts cores, of which a chip has two that work as one device.
_COUNTED_BY_CORES = ("v4", "v5p")


@dataclass(frozen=True)
class Machine:
    """Devices of a kind that work together.

    Attributes:
        name: what it was called.
        device: the kind.
        count: how many.
    """

    name: str
    device: Device
    count: int


def device_of_kind(kind: str) -> Device | None:
    """Returns the device of a kind by JAX's name, `jax.Device.device_kind`; None where it is not known."""
    return next((DEVICES[name] for pattern, name in _KINDS.items() if re.search(pattern, kind)), None)


def parse_machine(name: str) -> Machine:
    """Returns the devices that a name means: `v4-8`, `v5e-16` (or `v5litepod-16`), `h100`, `8xh100`.

    Raises:
        UserError: there is no such device, or not as many.
    """
    tpu = re.fullmatch(r"(\w+?)-([0-9]{1,7})", name)
    gpu = re.fullmatch(r"(?:([0-9]{1,7})x)?(\w+)", name)
    if tpu and (kind := tpu[1].replace("v5litepod", "v5e")) in _TPUS:
        count = int(tpu[2])
        if kind in _COUNTED_BY_CORES:
            if count % 2:
                raise UserError("the number counts cores, of which a chip has two")
            count //= 2
        if count:
            return Machine(name, _TPUS[kind], count)
    elif gpu and gpu[2] in _GPUS:
        count = int(gpu[1] or 1)
        if count:
            return Machine(name, _GPUS[gpu[2]], count)
    raise UserError(
        f"no such devices; there are {', '.join(f'{kind}-N' for kind in _TPUS)}, and"
        f" {', '.join(_GPUS)} or Nx of one, such as 8xh100"
    )
