r"""The paper's run, on the symbolic tokenizer and a policy without pretrained weights.

python launch/train.py --config=configs/codeit.py --workdir=...
"""

from ml_collections.config_dict import ConfigDict

from codeit_jax.config import Config, PolicyConfig
from codeit_jax.config_dicts import to_config_dict


def get_config() -> ConfigDict:
    """Returns the config: the defaults are the paper's."""
    return to_config_dict(Config(warmup_experiences=100_000, policy=PolicyConfig(preset="tiny")))
