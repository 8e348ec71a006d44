r"""The whole method on a laptop's CPU, in minutes: all 800 tasks, a small policy.

python launch/train.py --config=configs/quickstart.py --workdir=/tmp/codeit_quickstart
"""

from ml_collections.config_dict import ConfigDict

from codeit_jax.config import (
    Config,
    LearnerConfig,
    MutationConfig,
    PolicyConfig,
    ReplayConfig,
    SamplingConfig,
    to_config_dict,
)


def get_config() -> ConfigDict:
    """Returns the config."""
    return to_config_dict(
        Config(
            num_meta_iterations=3,
            warmup_experiences=6_000,
            mutation=MutationConfig(num_programs=6_000, max_parent_lines=20, max_searched=700),
            replay=ReplayConfig(training_experiences=1_500, policy_experiences=1_500),
            policy=PolicyConfig(preset="mini", section_length=64, max_program_length=64, dropout_rate=0.0),
            sampling=SamplingConfig(num_samples=8),
            learner=LearnerConfig(
                batch_size=32,
                learning_rate=1e-3,
                max_gradient_norm=1.0,
                prompt_buckets=(130,),
                program_buckets=(64,),
            ),
        )
    )
