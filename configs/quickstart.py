r"""The whole method on a laptop's CPU, in minutes: all 800 tasks, a small policy.

python launch/train.py --config=configs/quickstart.py --workdir=quickstart_run
python launch/train.py --config=configs/quickstart.py:no_relabeling --workdir=...

A variant is a list of these, in any order; that it learns from random weights, under the grammar, it has
anyway:

    no_expert_iteration only training and mutated training tasks are learned from
    no_relabeling       only programs that give a demonstration's output are kept
    no_priority         the policy's buffer is sampled evenly
    one_demonstration   the prompt shows one demonstration
    no_mutation         nothing but the training tasks to begin with
    length_priority     short programs of the policy are learned from sooner, too; age_priority: late ones;
    age_priority        distance_priority: those whose outputs are near to what was wanted
    distance_priority
    no_evolution        no programs are bred beside the policy
    bf16                the network computes in bfloat16
"""

from ml_collections.config_dict import ConfigDict

from codeit_jax.config import (
    Config,
    EvolutionConfig,
    LearnerConfig,
    MutationConfig,
    PolicyConfig,
    ReplayConfig,
    SamplingConfig,
)
from codeit_jax.config.ablations import vary
from codeit_jax.config.conversion import to_config_dict


def get_config(variant: str = "") -> ConfigDict:
    """Returns the config of a variant.

    Raises:
        ConfigError: a part of the variant is unknown.
    """
    config = to_config_dict(
        Config(
            num_meta_iterations=18,
            warmup_experiences=4_000,
            mutation=MutationConfig(
                parents="distilled", distillation_work=800_000, num_programs=2_400, search=False
            ),
            evolution=EvolutionConfig(
                turn_work=1_000_000, views_work=0, capacity=40, num_mended=20, max_turns=40
            ),
            # So few that each find comes up in every meta-iteration, and is written in the end.
            replay=ReplayConfig(training_experiences=100, policy_experiences=500),
            policy=PolicyConfig(preset="mini", section_length=64, max_program_length=48, dropout_rate=0.0),
            sampling=SamplingConfig(num_samples=8, constraint="grammar", prompt_buckets=(130,)),
            learner=LearnerConfig(
                batch_size=32,
                learning_rate=2e-3,
                warmup_steps=20,
                max_gradient_norm=1.0,
                prompt_buckets=(130,),
                program_buckets=(32, 48),
            ),
        )
    )
    return vary(config, (part for part in variant.split(",") if part))
