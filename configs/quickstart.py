r"""The whole method on a laptop's CPU, in minutes: all 800 tasks, a small policy.

python launch/train.py --config=configs/quickstart.py --workdir=quickstart_run
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
from codeit_jax.config.conversion import to_config_dict


def get_config() -> ConfigDict:
    """Returns the config."""
    return to_config_dict(
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
