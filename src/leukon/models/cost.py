"""What a network costs: parameters, operations, activations, time, memory."""

from __future__ import annotations

import copy
import math
import time
import weakref
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

MIB = 2**20
WARM_UP = 3
MATRIX_PRODUCTS = "mm", "addmm", "bmm", "baddbmm"  # linear layers are addmm or mm


@dataclass(frozen=True, slots=True)
class Counts:
    """Absolute counts for one image.

    Attributes
    ----------
    params : int
        Parameters, frozen ones included.
    flops : int
        Multiply–accumulates of convolutions (no bias) and matrix products, one per ReLU output, two per
        BatchNorm output.
    activations : int
        Outputs of the 2-D convolutions.
    conv2d : int
        Calls of 2-D convolutions.
    """

    params: int
    flops: int
    activations: int
    conv2d: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a forward pass took.

    Attributes
    ----------
    time_ms : float
        Mean per image, in ms.
    memory_mb : float
        Peak of allocated memory in MiB (2²⁰ bytes), weights included. On a GPU as torch's allocator has it,
        on a processor the tensors that live at once.
    """

    time_ms: float
    memory_mb: float


def count(network: nn.Module, *, channels: int, side_px: int) -> Counts:
    """Count `network`'s work on one image of `side_px`, without computing anything.

    The rules are those of the AIM 2020 challenge (Zhang et al. 2020), which the figures printed for CNNs
    follow: ResNet-50 4.119 G, 11.114 M, 53; DenseNet-121 2.880 G, 6.899 M, 120. They know convolutions, ReLU,
    BatchNorm and linear layers as modules. Transformers are counted by the same rules, and the matrix
    products of attention (QKᵀ, and the maps times V) are counted too, which counters by module leave out.
    Other norms, GELU, softmax, pooling and sums count nothing.
    """
    twin = copy.deepcopy(network).to("meta").eval()
    tally = {"flops": 0, "activations": 0, "conv2d": 0}

    def conv(module: Any, _inputs: Any, output: Tensor) -> None:
        per_output = math.prod(module.kernel_size) * module.in_channels // module.groups
        tally["flops"] += output.numel() * per_output
        if isinstance(module, nn.Conv2d):
            tally["activations"] += output.numel()
            tally["conv2d"] += 1

    def norm(_module: Any, _inputs: Any, output: Tensor) -> None:
        tally["flops"] += 2 * output.numel()

    def relu(_module: Any, _inputs: Any, output: Tensor) -> None:
        tally["flops"] += output.numel()

    hooks = {nn.Conv2d: conv, nn.Conv1d: conv, nn.BatchNorm2d: norm, nn.ReLU: relu, nn.ReLU6: relu}
    for module in twin.modules():
        for kind, hook in hooks.items():
            if isinstance(module, kind):
                module.register_forward_hook(hook)
    counter = FlopCounterMode(display=False)
    with ExitStack() as stack:
        # The fused paths of attention would hide their matrix products from the counter.
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        fast = torch.backends.mha.get_fastpath_enabled()
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(False)
        stack.enter_context(torch.no_grad())
        stack.enter_context(counter)
        twin(torch.zeros(1, channels, side_px, side_px, device="meta"))
    operations = counter.get_flop_counts()["Global"]
    products = sum(flops for op, flops in operations.items() if str(op).split(".")[-1] in MATRIX_PRODUCTS)
    tally["flops"] += products // 2  # that counter has two operations for a multiply–accumulate
    return Counts(params=sum(p.numel() for p in network.parameters()), **tally)


def measure(network: nn.Module, batch: Tensor, *, repeats: int = 10) -> Measured:
    """Time `network` on `batch`, on the device where both lie, after warming up.

    Parameters
    ----------
    network : Module
    batch : Tensor
        Images, shape (N, C, H, W).
    repeats : int
        Timed forward passes.
    """
    network.eval()
    is_cuda = batch.device.type == "cuda"
    with torch.inference_mode():
        for _ in range(WARM_UP):
            network(batch)
        if is_cuda:
            torch.cuda.synchronize(batch.device)
        start = time.perf_counter()
        for _ in range(repeats):
            network(batch)
        if is_cuda:
            torch.cuda.synchronize(batch.device)
        seconds = (time.perf_counter() - start) / repeats
        memory = _cuda_peak(network, batch) if is_cuda else _cpu_peak(network, batch)
    return Measured(time_ms=1000 * seconds / len(batch), memory_mb=memory / MIB)


def _cuda_peak(network: nn.Module, batch: Tensor) -> int:
    torch.cuda.reset_peak_memory_stats(batch.device)
    network(batch)
    return int(torch.cuda.max_memory_allocated(batch.device))


def _cpu_peak(network: nn.Module, batch: Tensor) -> int:
    with _Held() as held:
        network(batch)
    tensors = [*network.parameters(), *network.buffers(), batch]
    return int(held.peak + sum(t.untyped_storage().nbytes() for t in tensors))


class _Held(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the bytes of the tensors that operations return for as long as they live.

    The processor's allocator keeps no such record; scratch space inside of operations is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self.living: set[int] = set()

    def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        given = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in given | self.living:
                    self._take(storage)
        return result

    def _take(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        self.living.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)

        def release() -> None:
            self.living.discard(key)
            self.now -= size

        weakref.finalize(storage, release)
