"""Writes golden/*.npz: what Hugging Face's T5 answers, for test_t5.py to hold ours against.

Needs torch and transformers, which the tests themselves do not:

    pip install torch==2.13.0 transformers numpy && python tests/policy/make_golden.py

Weights are not stored: both sides compute them from the parameter's Hugging Face name (see `weight`).
"""

import zlib
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("golden")
SHAPE = {"vocab_size": 50, "d_model": 32, "d_kv": 8, "d_ff": 48, "num_heads": 3}
LAYERS = {"encoder": 2, "decoder": 3}
CASES: dict[str, dict[str, Any]] = {
    "tied_relu": {"feed_forward": "relu", "tied": True, "source": 24, "target": 10},
    "untied_gated": {"feed_forward": "gated-gelu", "tied": False, "source": 200, "target": 150},
}
GRADIENTS = (
    "shared.weight",
    "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
    "encoder.block.1.layer.0.SelfAttention.q.weight",
    "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
    "decoder.block.2.layer.1.EncDecAttention.k.weight",
    "decoder.block.1.layer.2.layer_norm.weight",
)
DISTANCES = np.arange(-1100, 1101)


def weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the float32 weights of the parameter that Hugging Face calls `name`."""
    uniform = np.random.default_rng(zlib.crc32(name.encode())).random(shape) * 2 - 1
    if name.endswith("norm.weight"):
        return (1 + 0.3 * uniform).astype(np.float32)
    if name == "shared.weight" or "relative_attention_bias" in name:
        return (1.5 * uniform).astype(np.float32)
    return (uniform * (2.0 / shape[1]) ** 0.5).astype(np.float32)


def inputs(case: str) -> dict[str, np.ndarray]:
    """Returns prompts and programs of two different lengths, padded with 0."""
    source, target = CASES[case]["source"], CASES[case]["target"]
    generator = np.random.default_rng(zlib.crc32(case.encode()))
    prompt_ids = generator.integers(1, SHAPE["vocab_size"], (2, source))
    labels = generator.integers(1, SHAPE["vocab_size"], (2, target))
    prompt_ids[1, source * 2 // 3 :] = 0
    labels[0, target * 3 // 4 :] = 0
    return {"prompt_ids": prompt_ids, "labels": labels}


def main() -> None:
    import torch
    from transformers import T5Config, T5ForConditionalGeneration
    from transformers.models.t5.modeling_t5 import T5Attention

    FOLDER.mkdir(exist_ok=True)
    for case, settings in CASES.items():
        config = T5Config(
            **SHAPE,
            num_layers=LAYERS["encoder"],
            num_decoder_layers=LAYERS["decoder"],
            feed_forward_proj=settings["feed_forward"],
            tie_word_embeddings=settings["tied"],
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
            attn_implementation="eager",
        )
        model = T5ForConditionalGeneration(config).eval()
        if not settings["tied"]:
            # transformers 5 takes the setting for the scale of the logits only and shares the table anyway.
            assert not config.scale_decoder_outputs
            model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.lm_head.weight))
        checksum = 0.0
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                values = weight(name, tuple(parameter.shape))
                parameter.copy_(torch.from_numpy(values))
                checksum += float(np.abs(values, dtype=np.float64).sum())
        arrays = inputs(case)
        prompt_ids, labels = (torch.from_numpy(arrays[name]) for name in ("prompt_ids", "labels"))
        output = model(
            input_ids=prompt_ids,
            attention_mask=(prompt_ids != 0).long(),
            labels=labels.masked_fill(labels == 0, -100),
        )
        output.loss.backward()
        losses = torch.nn.functional.cross_entropy(
            output.logits.transpose(1, 2), labels, ignore_index=0, reduction="none"
        )
        parameters = dict(model.named_parameters())
        np.savez_compressed(
            FOLDER / f"{case}.npz",
            checksum=np.float64(checksum),
            logits=output.logits.detach().numpy(),
            losses=losses.detach().numpy(),
            loss=output.loss.detach().numpy(),
            **{f"gradient:{name}": parameters[name].grad.numpy() for name in GRADIENTS},
        )
    buckets = {
        name: T5Attention._relative_position_bucket(torch.from_numpy(DISTANCES), bidirectional=bidirectional)
        for name, bidirectional in (("bidirectional", True), ("causal", False))
    }
    np.savez_compressed(FOLDER / "buckets.npz", **{k: v.numpy().astype(np.int8) for k, v in buckets.items()})


if __name__ == "__main__":
    main()
