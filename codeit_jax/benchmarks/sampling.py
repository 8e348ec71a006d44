"""The sampling suite: tokens a second beside PyTorch, sampling under constraints, and prompts in tokens.

A tokenizer of Hugging Face's is timed where `--tokenizer` names one, with a policy of the same shape: its
vocabulary is what differs.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from codeit_jax.arc import load_tasks
from codeit_jax.benchmarks import generation
from codeit_jax.benchmarks.generation import Endless
from codeit_jax.benchmarks.suites import Options
from codeit_jax.benchmarks.table import Measurement
from codeit_jax.benchmarks.workload import Mean
from codeit_jax.config import PolicyConfig
from codeit_jax.dsl import ProgramError, parse_program
from codeit_jax.dsl.program import OUTPUT
from codeit_jax.errors import naming
from codeit_jax.learner.examples import ExampleMaker
from codeit_jax.policy.building import make_network
from codeit_jax.policy.constraints import Constraint, Unconstrained, allowed_tokens
from codeit_jax.policy.grammar_tables import build_grammar
from codeit_jax.policy.presets import preset
from codeit_jax.policy.sampling import Samples, sample
from codeit_jax.policy.spelling import Slot
from codeit_jax.policy.tokenizers import Tokenizer, make_tokenizer


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much each case runs.

    Attributes:
        preset: the policy's shape.
        num_tasks: tasks sampled together.
        num_samples: programs a task.
        prompt_length: tokens of a prompt.
        max_length: tokens of a program at most.
        num_calls: times that each constraint is timed.
        num_parsed: programs sampled under the grammar to be parsed.
        tasks: evaluation tasks whose prompts are counted.
    """

    preset: str = "tiny"
    num_tasks: int = 4
    num_samples: int = 24
    prompt_length: int = 512
    max_length: int = 128
    num_calls: int = 3
    num_parsed: int = 10_000
    tasks: int = 400


QUICK = Sizes(preset="nano", prompt_length=64, max_length=48, num_parsed=1_000, tasks=40)


def measure(options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements."""
    if options.tokenizer:
        _tokenizer(options.tokenizer)  # what is wrong with it is told at once
    yield from generation.measure_sizes(generation.QUICK if options.quick else generation.Sizes(), options)
    yield from measure_sizes(QUICK if options.quick else Sizes(), options)


def measure_sizes(sizes: Sizes, options: Options) -> Iterator[Measurement]:
    """Yields the suite's measurements, made on so much."""
    names = ["symbolic", *([options.tokenizer] if options.tokenizer else [])]
    for name in names:
        tokenizer = _tokenizer(name)
        title = "symbolic" if name == "symbolic" else "Hugging Face"
        yield from constraints(title, tokenizer, sizes, options.seed)
        yield from prompts(title, name, tokenizer, sizes)


def _tokenizer(name: str) -> Tokenizer:
    with naming(f"--tokenizer={name}"):
        return make_tokenizer(name)


def constraints(title: str, tokenizer: Tokenizer, sizes: Sizes, seed: int) -> Iterator[Measurement]:
    """Times sampling from random weights; every call takes about all its steps."""
    shape = preset(sizes.preset, tokenizer.vocabulary_size)
    graphdef, params = make_network(shape, seed)
    rng = np.random.default_rng(seed)
    prompt = rng.integers(2, shape.vocab_size, (sizes.num_tasks, sizes.prompt_length))
    draw = functools.partial(
        sample,
        graphdef,
        params,
        jnp.asarray(prompt),
        jnp.ones(prompt.shape, bool),
        num_samples=sizes.num_samples,
        max_length=sizes.max_length,
        temperature=0.95,
        eos_id=tokenizer.eos_id,
    )
    grammar = build_grammar(tokenizer, sizes.max_length)
    everything = np.arange(shape.vocab_size)
    output = tokenizer.spell(Slot.FIRST_DEFINITION, OUTPUT)[0]
    kinds: dict[str, Constraint] = {
        "none": Endless(Unconstrained(), jnp.int32(tokenizer.eos_id), jnp.int32(1)),
        # All tokens, for the rule would end nearly every program of random weights at once.
        "allowed": Endless(
            allowed_tokens(everything, shape.vocab_size, tokenizer.eos_id),
            jnp.int32(tokenizer.eos_id),
            jnp.int32(1),
        ),
        "grammar": Endless(grammar, jnp.int32(output), jnp.int32(sizes.max_length // 4)),
    }
    steps: dict[str, list[float]] = {kind: [] for kind in kinds}
    for call in range(-1, sizes.num_calls):  # the first compiles
        for kind, constraint in kinds.items():
            begun = time.monotonic()
            drawn = jax.block_until_ready(draw(keys=_keys(sizes, seed, call + 1), constraint=constraint))
            if call >= 0:
                steps[kind].append(1e3 * (time.monotonic() - begun) / int(drawn.lengths.max()))
    free = Mean.of(steps.pop("none"))
    yield Measurement(f"{title}: unconstrained", free.value, None, "ms/step")
    for kind, times in steps.items():
        yield Measurement(
            f"{title}: {kind}", Mean.of(times).value, free.value, "ms/step", free.error, note="peer: none"
        )
    texts = _texts(lambda keys: draw(keys=keys, constraint=grammar), tokenizer, sizes, seed)
    num_parsing = sum(map(_parses, texts))
    yield Measurement(
        f"{title}: samples under the grammar that parse",
        100 * num_parsing / len(texts),
        None,
        "%",
        note=f"{num_parsing:,} of {len(texts):,}",
    )


def prompts(title: str, name: str, tokenizer: Tokenizer, sizes: Sizes) -> Iterator[Measurement]:
    """Counts the tokens of the evaluation tasks' prompts, whole and cut to the paper's sections."""
    tasks = load_tasks("arc1/evaluation")[: sizes.tasks]
    for text in ("sparse", *(("dense",) if name != "symbolic" else ())):
        config = PolicyConfig(tokenizer=name, grid_text=text)
        whole = ExampleMaker(tokenizer, dataclasses.replace(config, section_length=1_000_000))
        cut = ExampleMaker(tokenizer, config)
        lengths = np.array([(len(whole.task_prompt(task)), len(cut.task_prompt(task))) for task in tasks])
        share = 100 * float(np.mean(lengths[:, 0] > lengths[:, 1]))
        yield Measurement(
            f"{title}: tokens of a prompt, {text}, median",
            float(np.median(lengths[:, 0])),
            None,
            "tokens",
            note=f"{share:.0f} % of {len(tasks)} are cut at sections of {config.section_length}",
        )


def _keys(sizes: Sizes, seed: int, call: int) -> jax.Array:
    return jax.random.split(jax.random.fold_in(jax.random.key(seed), call), sizes.num_tasks)


def _texts(
    draw: Callable[[jax.Array], Samples], tokenizer: Tokenizer, sizes: Sizes, seed: int
) -> Sequence[str]:
    texts: list[str] = []
    while len(texts) < sizes.num_parsed:
        tokens = np.asarray(draw(_keys(sizes, seed, len(texts))).tokens)
        texts += map(tokenizer.decode_program, tokens.reshape(-1, tokens.shape[-1]))
    return texts[: sizes.num_parsed]


def _parses(text: str) -> bool:
    try:
        return str(parse_program(text)) == text
    except ProgramError:
        return False
