"""Writes golden/*.npz: what Hugging Face's T5 answers, for test_parity.py to hold ours against.

Needs torch and transformers, which the tests themselves do not:

    pip install torch==2.13.0 transformers==5.23.0 numpy
    python tests/policy/make_golden.py
    python tests/policy/make_golden.py --check_export=FOLDER

The second form reads a folder that we exported with transformers and compares the logits: see `check_export`.

Weights and inputs are not stored: both sides compute them, see `weight` and `inputs`. Each file holds the
loss of every label, the logits of some of them, of every parameter's gradient the norm and some entries, and
the tokens that greedy decoding writes.
"""

import argparse
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).with_name("golden")
EOS_ID = 1
DISTANCES = np.arange(-1100, 1101)
BUCKETS = ((32, 128), (8, 20), (16, 40), (64, 256))
GRADIENT_ENTRIES = 64
# No step of greedy decoding may depend on the last bits: so far is the best token ahead of the second.
CLEAR_LEAD = 1e-3


@dataclass(frozen=True)
class Case:
    """A model's shape, and its inputs.

    Attributes:
        prompts: length of each prompt; the rest of the row is padding.
        programs: length of each program to be scored.
        feed_forward: "relu" or "gated-gelu".
        tied: whether the embedding scores the next token.
        buckets, max_distance: classes of relative distance, and where the last one starts.
        epsilon: that of the norms.
        pad_left: whether the padding comes before the prompts.
        stride: of how many positions one has its logits stored.
        scale: of the head, or of the embedding where it is the head.
        sharpness: of the decoder's attention, whose queries and outputs it multiplies.
        seed: of weights and inputs; chosen so that what is decoded varies (see `decode_greedily`).
        greedy: tokens at most to be decoded greedily; 0 for none.
        bfloat16: whether the logits computed in bfloat16 are stored too.
    """

    prompts: tuple[int, ...]
    programs: tuple[int, ...]
    feed_forward: str = "relu"
    tied: bool = True
    vocab_size: int = 50
    d_model: int = 32
    d_kv: int = 8
    d_ff: int = 48
    num_heads: int = 3
    num_encoder_layers: int = 2
    num_decoder_layers: int = 3
    buckets: int = 32
    max_distance: int = 128
    epsilon: float = 1e-6
    pad_left: bool = False
    stride: int = 1
    scale: float = 1.0
    sharpness: float = 1.0
    seed: int = 0
    greedy: int = 0
    bfloat16: bool = False


CASES = {
    "tied_relu": Case(
        prompts=(24, 1, 16, 9), programs=(10, 7, 1, 4), scale=0.3, sharpness=5, seed=2, greedy=24
    ),
    "untied_gated": Case(
        prompts=(200, 133),
        programs=(113, 150),
        feed_forward="gated-gelu",
        tied=False,
        stride=4,
    ),
    "tied_gated": Case(
        prompts=(13, 40, 1, 27),
        programs=(20, 3, 12, 1),
        feed_forward="gated-gelu",
        vocab_size=71,
        d_kv=12,
        num_heads=4,
        num_encoder_layers=3,
        num_decoder_layers=1,
        buckets=8,
        max_distance=20,
        scale=0.2,
        sharpness=3,
        greedy=24,
    ),
    "untied_relu": Case(
        prompts=(30, 7, 1),
        programs=(5, 18, 11),
        tied=False,
        vocab_size=64,
        d_model=24,
        d_kv=16,
        num_heads=2,
        num_encoder_layers=1,
        num_decoder_layers=4,
        epsilon=0.03,
        pad_left=True,
        scale=2,
        seed=23,
        greedy=24,
    ),
    "long_untied_relu": Case(
        prompts=(300, 1, 140),
        programs=(40, 170, 2),
        tied=False,
        d_model=20,
        num_encoder_layers=1,
        num_decoder_layers=1,
        stride=5,
        scale=2,
        sharpness=3,
        seed=4,
        greedy=150,
    ),
    "wide_buckets": Case(
        prompts=(280, 65),
        programs=(30, 270),
        feed_forward="gated-gelu",
        tied=False,
        vocab_size=131,
        d_model=40,
        d_kv=4,
        num_heads=5,
        num_encoder_layers=2,
        num_decoder_layers=1,
        buckets=64,
        max_distance=256,
        epsilon=1e-3,
        stride=12,
    ),
    "one_head": Case(
        prompts=(1, 50),
        programs=(21, 2),
        d_kv=32,
        num_heads=1,
        num_encoder_layers=1,
        num_decoder_layers=1,
        buckets=16,
        max_distance=40,
    ),
    "bfloat16": Case(
        prompts=(60, 1, 33, 47),
        programs=(40, 40, 31, 12),
        tied=False,
        vocab_size=96,
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_heads=4,
        num_encoder_layers=3,
        num_decoder_layers=3,
        stride=2,
        bfloat16=True,
    ),
}


def weight(case: Case, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the float32 weights of the parameter that Hugging Face calls `name`."""
    uniform = np.random.default_rng([case.seed, zlib.crc32(name.encode())]).random(shape) * 2 - 1
    if name.endswith("norm.weight"):
        return (1 + 0.3 * uniform).astype(np.float32)
    scale = case.scale if name == ("shared.weight" if case.tied else "lm_head.weight") else 1
    if name.startswith("decoder") and name.endswith((".q.weight", ".o.weight")):
        scale = case.sharpness
    if name == "shared.weight" or "relative_attention_bias" in name:
        return (1.5 * scale * uniform).astype(np.float32)
    return (scale * uniform * (2.0 / shape[1]) ** 0.5).astype(np.float32)


def inputs(case: Case) -> dict[str, np.ndarray]:
    """Returns prompts and labels, `[batch, longest]` each, padded with 0."""
    generator = np.random.default_rng(case.seed)
    rows = {}
    for name, lengths in (("prompt_ids", case.prompts), ("labels", case.programs)):
        ids = generator.integers(1, case.vocab_size, (len(lengths), max(lengths)))
        rows[name] = np.where(np.arange(max(lengths)) < np.array(lengths)[:, None], ids, 0)
    if case.pad_left:
        rows["prompt_ids"] = rows["prompt_ids"][:, ::-1].copy()
    return rows


def gradient_entries(gradient: np.ndarray) -> np.ndarray:
    """Returns `GRADIENT_ENTRIES` entries spread evenly over a gradient."""
    flat = np.ravel(gradient)
    return flat[np.linspace(0, flat.size - 1, GRADIENT_ENTRIES, dtype=int)]


def build(case: Case) -> Any:
    """Returns Hugging Face's model with the weights of the case."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=case.vocab_size,
        d_model=case.d_model,
        d_kv=case.d_kv,
        d_ff=case.d_ff,
        num_heads=case.num_heads,
        num_layers=case.num_encoder_layers,
        num_decoder_layers=case.num_decoder_layers,
        relative_attention_num_buckets=case.buckets,
        relative_attention_max_distance=case.max_distance,
        layer_norm_epsilon=case.epsilon,
        feed_forward_proj=case.feed_forward,
        tie_word_embeddings=case.tied,
        pad_token_id=0,
        eos_token_id=EOS_ID,
        decoder_start_token_id=0,
        attn_implementation="eager",
    )
    model = T5ForConditionalGeneration(config).eval()
    assert config.scale_decoder_outputs == case.tied
    if not case.tied:
        # transformers 5 takes the setting for the scale of the logits only and shares the table anyway.
        model.lm_head.weight = torch.nn.Parameter(torch.empty_like(model.lm_head.weight))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(torch.from_numpy(weight(case, name, tuple(parameter.shape))))
    return model


def score(model: Any, case: Case) -> dict[str, np.ndarray]:
    """Returns the logits, losses and gradients of the case; last, as it may turn the model to bfloat16."""
    import torch

    arrays = inputs(case)
    prompt_ids, labels = (torch.from_numpy(arrays[name]) for name in ("prompt_ids", "labels"))
    masked = {
        "input_ids": prompt_ids,
        "attention_mask": (prompt_ids != 0).long(),
        "labels": labels.masked_fill(labels == 0, -100),
    }
    output = model(**masked)
    output.loss.backward()
    losses = torch.nn.functional.cross_entropy(
        output.logits.transpose(1, 2), labels, ignore_index=0, reduction="none"
    )
    parameters = dict(sorted(model.named_parameters()))
    answers = {
        "names": np.array(list(parameters)),
        "checksum": np.float64(
            sum(np.abs(p.detach().numpy(), dtype=np.float64).sum() for p in parameters.values())
        ),
        "logits": output.logits.detach().numpy()[:, :: case.stride],
        "losses": losses.detach().numpy(),
        "loss": output.loss.detach().numpy(),
        "gradients": np.stack([gradient_entries(p.grad.numpy()) for p in parameters.values()]),
        "gradient_norms": np.array([np.linalg.norm(p.grad.numpy()) for p in parameters.values()]),
    }
    if case.bfloat16:
        rough = model.to(torch.bfloat16)(**masked).logits
        assert rough.dtype == torch.bfloat16
        answers["logits_bfloat16"] = rough.detach().float().numpy()[:, :: case.stride]
    return answers


def decode_greedily(model: Any, case: Case) -> np.ndarray:
    """Returns the tokens written after each prompt, `[batch, case.greedy]`, padded with 0.

    Raises:
        ValueError: a token has no clear lead, or the programs are too much alike to tell anything.
    """
    import torch

    prompt_ids = torch.from_numpy(inputs(case)["prompt_ids"])
    output = model.generate(
        input_ids=prompt_ids,
        attention_mask=(prompt_ids != 0).long(),
        do_sample=False,
        num_beams=1,
        max_new_tokens=case.greedy,
        # transformers makes a cache of as many layers as the encoder has, too few for a deeper decoder.
        use_cache=False,
        output_logits=True,
        return_dict_in_generate=True,
    )
    tokens = output.sequences[:, 1:].numpy()
    ends = tokens == EOS_ID
    written = np.cumsum(ends, axis=1) - ends == 0
    best, second = np.moveaxis(torch.stack(output.logits, dim=1).topk(2).values.numpy(), -1, 0)
    lead = float((best - second)[written].min())
    kinds = sorted(len(set(row[kept].tolist())) for row, kept in zip(tokens, written, strict=True))
    lengths = written.sum(axis=1)
    print(f"  greedy: lengths {lengths}, kinds of tokens {kinds}, smallest lead {lead:.4f}")
    if lead < CLEAR_LEAD:
        raise ValueError(f"greedy decoding: a token leads by {lead} only; choose another seed")
    if not 0 < ends.any(axis=1).sum() < len(tokens) or kinds[-2] < 5:
        raise ValueError(
            "greedy decoding: some programs must end and some not, and two vary; choose another seed"
        )
    return np.pad(tokens, ((0, 0), (0, case.greedy - tokens.shape[1])))


def write_golden() -> None:
    """Writes all golden files."""
    import torch
    from transformers.models.t5.modeling_t5 import T5Attention

    FOLDER.mkdir(exist_ok=True)
    for name, case in CASES.items():
        print(name)
        model = build(case)
        answers = {"greedy": decode_greedily(model, case)} if case.greedy else {}
        np.savez_compressed(FOLDER / f"{name}.npz", **answers, **score(model, case))
    buckets = {
        f"{direction}_{number}_{furthest}": T5Attention._relative_position_bucket(
            torch.from_numpy(DISTANCES), direction == "bidirectional", number, furthest
        )
        for direction in ("bidirectional", "causal")
        for number, furthest in BUCKETS
    }
    np.savez_compressed(FOLDER / "buckets.npz", **{k: v.numpy().astype(np.int8) for k, v in buckets.items()})


def check_export(folder: Path) -> bool:
    """Returns whether transformers reads an exported folder to the same logits, within 1e-4, and prints why.

    The folder holds `config.json`, `model.safetensors` and `expected.npz`: our `logits`, float32
    `[batch, target, vocabulary]`, for `prompt_ids`, `prompt_mask` and `decoder_ids`.

    transformers 5 sets `tie_word_embeddings` to true in every T5 configuration. What the file said decides
    whether the logits are scaled, and the table is shared with the head unless the weights hold a different
    head. That it did neither for an untied model is checked.
    """
    import json

    import torch
    from safetensors.numpy import load_file
    from transformers import T5ForConditionalGeneration

    tied = json.loads((folder / "config.json").read_text()).get("tie_word_embeddings", True)
    stored = load_file(folder / "model.safetensors")
    model, loading = T5ForConditionalGeneration.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        dtype=torch.float32,
        attn_implementation="eager",
        output_loading_info=True,
    )
    model.eval()
    problems = [f"{kind}: {sorted(names)}" for kind, names in loading.items() if names]
    if model.config.scale_decoder_outputs != tied:
        problems.append(f"the logits are {'not ' * tied}scaled although tie_word_embeddings is {tied}")
    head = stored.get("shared.weight" if tied else "lm_head.weight")
    if head is None or not np.array_equal(model.lm_head.weight.detach().numpy(), head):
        problems.append("the head is not the one of the file")
    shared = model.lm_head.weight is model.shared.weight
    if shared != tied:
        problems.append(f"the head is {'not ' * (not shared)}shared although tie_word_embeddings is {tied}")
    expected = np.load(folder / "expected.npz")
    prompt_ids, prompt_mask, decoder_ids = (
        torch.from_numpy(expected[name].astype(np.int64))
        for name in ("prompt_ids", "prompt_mask", "decoder_ids")
    )
    with torch.no_grad():
        output = model(input_ids=prompt_ids, attention_mask=prompt_mask, decoder_input_ids=decoder_ids)
    difference = float(np.abs(output.logits.numpy() - expected["logits"]).max())
    print(f"tie_word_embeddings {tied}; largest difference of the logits: {difference:.3g}")
    for problem in problems:
        print(f"problem: {problem}")
    # Written so that NaN fails too.
    return difference <= 1e-4 and not problems


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--check_export", type=Path, help="a folder that we exported")
    arguments = parser.parse_args()
    if arguments.check_export is None:
        write_golden()
    elif not check_export(arguments.check_export):
        raise SystemExit(1)
