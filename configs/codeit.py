r"""The paper's run and its ablations.

python launch/train.py --config=configs/codeit.py:220m --workdir=...
python launch/train.py --config=configs/codeit.py:220m,no_relabeling --workdir=...
python launch/train.py --config=configs/codeit.py:tiny --workdir=...   # nothing to download

A variant is a list of these, in any order; of the first line one at most, and 220m is what the paper has:

    60m 220m 770m       CodeT5 of that size, its published weights and its tokenizer
    tiny                a policy of 8M that learns from random weights beside programs that are bred: an hour
                        on two CPU cores, and nothing to download
    random_weights      CodeT5's shape without its weights
    no_expert_iteration only training and mutated training tasks are learned from
    no_relabeling       only programs that give a demonstration's output are kept
    no_priority         the policy's buffer is sampled evenly
    length_priority     short programs of the policy are learned from sooner, too; age_priority: late ones;
    age_priority        distance_priority: those whose outputs are near to what was wanted
    distance_priority
    evolution           programs are bred for the search set while the policy learns, and learned from
    no_evolution        none are, in tiny either
    no_mutation         nothing but the training tasks to begin with
    one_demonstration   the prompt shows one demonstration
    dense               grids are written digit by digit
    grammar             only programs that parse are sampled
    bf16                the network computes in bfloat16
"""

from ml_collections.config_dict import ConfigDict

from codeit_jax.config import (
    Config,
    ConfigError,
    EvolutionConfig,
    LearnerConfig,
    MutationConfig,
    PolicyConfig,
    ReplayConfig,
    SamplingConfig,
)
from codeit_jax.config.ablations import ABLATIONS, vary
from codeit_jax.config.conversion import to_config_dict

_CODET5 = {
    "60m": ("codet5-small", "Salesforce/codet5-small"),
    "220m": ("codet5p-220m", "Salesforce/codet5p-220m"),
    "770m": ("codet5p-770m", "Salesforce/codet5p-770m"),
}
_SIZES = (*_CODET5, "tiny")


def get_config(variant: str = "220m") -> ConfigDict:
    """Returns the config of a variant; what it does not name is the paper's.

    Raises:
        ConfigError: a part of the variant is unknown, or there are two sizes.
    """
    parts = [part for part in variant.split(",") if part]
    for part in parts:
        if part not in (*_SIZES, *ABLATIONS):
            raise ConfigError(f"unknown variant {part!r}; known are {', '.join((*_SIZES, *ABLATIONS))}")
    sizes = [part for part in parts if part in _SIZES] or ["220m"]
    if len(sizes) > 1:
        raise ConfigError(f"a variant has one size, not {' and '.join(sizes)}")
    config = _tiny() if sizes[0] == "tiny" else _codet5(*_CODET5[sizes[0]])
    return vary(to_config_dict(config), (part for part in parts if part not in _SIZES))


def _tiny() -> Config:
    return Config(
        num_meta_iterations=36,
        warmup_experiences=4_000,
        mutation=MutationConfig(
            parents="distilled",
            distillation_work=800_000,
            num_programs=4_800,
            max_searched=3_000,
            search_work=3_000,
        ),
        evolution=EvolutionConfig(turn_work=8_000_000, max_turns=60),
        replay=ReplayConfig(training_experiences=100, policy_experiences=500),
        policy=PolicyConfig(preset="tiny", section_length=64, max_program_length=64, dropout_rate=0.0),
        sampling=SamplingConfig(num_samples=8, constraint="grammar", prompt_buckets=(130,)),
        learner=LearnerConfig(
            batch_size=32,
            learning_rate=5e-4,
            warmup_steps=50,
            max_gradient_norm=1.0,
            prompt_buckets=(130,),
            program_buckets=(32, 64),
        ),
    )


def _codet5(preset: str, name: str) -> Config:
    return Config(
        policy=PolicyConfig(preset=preset, weights=name, tokenizer=name),
        sampling=SamplingConfig(constraint="allowed"),
    )
