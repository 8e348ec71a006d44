"""Hugging Face's T5 on PyTorch, timed beside ours where PyTorch is installed, which is never asked for.

It runs as transformers runs it by default: in eager mode, with the attention and the threads that the two
libraries choose, and with the fused AdamW.
"""

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from codeit_jax.benchmarks.table import Measurement
from codeit_jax.benchmarks.workload import Mean
from codeit_jax.config import LearnerConfig
from codeit_jax.learner.batching import Batch
from codeit_jax.policy.presets import NetworkConfig
from codeit_jax.policy.weights_config import config_settings

# Labels that PyTorch's cross-entropy leaves out.
_IGNORED = -100


def missing() -> str:
    """Returns why there is no peer, "" where there is one.

    What runs on an accelerator is never held against a PyTorch that has only the CPU.
    """
    if importlib.util.find_spec("torch") is None:
        return "no peer: PyTorch is not installed"
    if jax.default_backend() != "cpu" and device_kind() == "cpu":
        return f"no peer: PyTorch sees no {jax.default_backend().upper()}"
    return ""


def device_kind() -> str:
    """Returns where the peer runs: "cuda" if both sides have a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() and jax.default_backend() == "gpu" else "cpu"


def make_model(shape: NetworkConfig, seed: int) -> Any:
    """Returns a `T5ForConditionalGeneration` of our shape, with random float32 weights, on its device."""
    import torch
    import transformers

    if device_kind() == "cuda":
        # As JAX does there: float32 matrices are multiplied in TF32.
        torch.set_float32_matmul_precision("high")
    torch.manual_seed(seed)
    settings = config_settings(shape) | {"eos_token_id": 1}
    model: Any = transformers.T5ForConditionalGeneration(transformers.T5Config.from_dict(settings))
    if not shape.tie_word_embeddings:
        # transformers 5 takes the setting for the scale of the logits only, and shares the table anyway.
        model.lm_head.weight = torch.nn.Parameter(shape.d_model**-0.5 * model.lm_head.weight.detach())
    return model.to(device_kind())


class TrainingPeer:
    """Makes the learner's updates.

    Args:
        shape: the model's.
        config: the optimiser's settings are taken from it.
        seed: of weights and dropout.
        dtype: what is computed in, "float32" or "bfloat16"; parameters are float32.

    Attributes:
        model: the model.
    """

    def __init__(
        self, shape: NetworkConfig, config: LearnerConfig, seed: int, dtype: str = "float32"
    ) -> None:
        import torch

        self.model = make_model(shape, seed).train()
        self._dtype = getattr(torch, dtype)
        self._optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )

    def step(self, batch: Batch) -> float:
        """Makes an update and returns the batch's mean loss before it, in nats."""
        import torch

        rough = torch.autocast(device_kind(), torch.bfloat16, enabled=self._dtype == torch.bfloat16)
        with rough:
            loss = self.model(
                input_ids=_tensor(batch.prompt_ids),
                attention_mask=_tensor(batch.prompt_mask),
                labels=_tensor(np.where(batch.program_mask, batch.program_ids, _IGNORED)),
            ).loss
        loss.backward()
        self._optimizer.step()
        self._optimizer.zero_grad()
        _finish()
        return float(loss.detach())


class GenerationPeer:
    """Samples programs of exactly so many tokens.

    Args:
        shape: the model's.
        seed: of weights and draws.
        dtype: of the weights and all that is computed.

    Attributes:
        model: the model.
    """

    def __init__(self, shape: NetworkConfig, seed: int, dtype: str = "float32") -> None:
        import torch

        self.model = make_model(shape, seed).to(getattr(torch, dtype)).eval()

    def generate(
        self, prompt_ids: np.ndarray, prompt_mask: np.ndarray, num_samples: int, num_tokens: int
    ) -> np.ndarray:
        """Returns what follows the start token, int `[tasks, num_samples, num_tokens]`, at temperature 0.95.

        Args:
            prompt_ids: int `[tasks, source]`.
            prompt_mask: bool `[tasks, source]`.
            num_samples: programs a task.
            num_tokens: of every program.
        """
        import torch

        with torch.inference_mode():
            tokens = self.model.generate(
                input_ids=_tensor(prompt_ids),
                attention_mask=_tensor(prompt_mask),
                do_sample=True,
                temperature=0.95,
                top_k=0,
                num_return_sequences=num_samples,
                min_new_tokens=num_tokens,
                max_new_tokens=num_tokens,
                use_cache=True,
            )
        _finish()
        return tokens[:, 1:].reshape(len(prompt_ids), num_samples, num_tokens).cpu().numpy()


def measure_rate(
    name: str,
    num_tokens: int,
    ours: Callable[[], object],
    make_peer: Callable[[], Callable[[], object]],
    num_calls: int,
) -> Measurement:
    """Times calls of ours and the peer's in turns.

    Args:
        name: of the measurement.
        num_tokens: what a call works through.
        ours: returns when all is done.
        make_peer: returns the like of the peer's; asked only where there is a peer.
        num_calls: of each that count; one before them compiles.
    """
    reason = missing()
    calls = [ours] if reason else [ours, make_peer()]
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(1 + num_calls):
        for call, times in zip(calls, seconds, strict=True):
            begun = time.monotonic()
            call()
            times.append(time.monotonic() - begun)
    rate = num_tokens / Mean.of(seconds[0][1:]).value
    if reason:
        return Measurement(name, rate, None, "tokens/s", more_is_better=True, note=reason)
    theirs = Mean.of(seconds[1][1:])
    peer = num_tokens / theirs.value
    error = peer * theirs.error / theirs.value
    return Measurement(name, rate, peer, "tokens/s", error, more_is_better=True, note=_describe())


def _tensor(array: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(array.astype(np.int64)).to(device_kind())


def _finish() -> None:
    """Waits for the GPU."""
    import torch

    if device_kind() == "cuda":
        torch.cuda.synchronize()


def _describe() -> str:
    import torch
    import transformers

    return f"peer: PyTorch {torch.__version__}, transformers {transformers.__version__}, {device_kind()}"
