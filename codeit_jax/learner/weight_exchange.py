"""The work of `launch/weights.py`: a policy's weights out of a run, or published ones made ready for one."""

from pathlib import Path
from typing import Any

import jax

from codeit_jax.errors import UserError, naming
from codeit_jax.policy.building import SHARDING_RULES, abstract_network, tokenizer_and_shape
from codeit_jax.policy.meeting import meet
from codeit_jax.policy.presets import NetworkConfig
from codeit_jax.policy.sharding import make_mesh, parameter_sharding
from codeit_jax.policy.tokenizers import HuggingFaceTokenizer
from codeit_jax.policy.weights import load_params, read_config, save_params
from codeit_jax.run.checkpoint import Checkpointer
from codeit_jax.run.files import user_path
from codeit_jax.run.peers import ALONE, Peers, by_first
from codeit_jax.run.workdir import read_run_config

# What runs, searches and evolutions leave in their folders.
_OTHERS = ("checkpoints", "performance.csv", "samples", "solutions.json", "progress.json", "tasks")


def import_weights(source: str, output: str, peers: Peers = ALONE) -> int:
    """Checks published weights and writes them, in float32, to a folder that `policy.weights` takes.

    They lie spread out over all devices meanwhile.

    Args:
        source: a folder or a name on the Hugging Face hub, of safetensors or PyTorch files, in parts or not.
        output: a folder; `config.json` and `model.safetensors` in it are replaced.
        peers: the processes, all of which call this; the first writes.

    Returns:
        The number of parameters.

    Raises:
        UserError: files are missing, damaged or not of a T5, or the folder cannot be written.
    """
    _check_apart(source, output)
    by_first(peers, lambda: _check_free(output))
    shape = read_config(source)
    params = load_params(source, shape, _spread(shape, peers)[1])
    save_params(output, shape, params, peers=peers)
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def export_weights(workdir: str, output: str, peers: Peers = ALONE) -> int:
    """Writes the policy of a run's latest checkpoint to a folder that transformers opens.

    The tokenizer goes with it where it is one of Hugging Face's.

    Args:
        workdir: the run's folder.
        output: a folder; files of these names in it are replaced.
        peers: the processes, all of which call this; the first writes.

    Returns:
        The meta-iteration after which the policy was this.

    Raises:
        UserError: there is no run or no checkpoint, or the folder cannot be written.
    """
    config = read_run_config(workdir)
    by_first(peers, lambda: _check_free(output))
    tokenizer, shape = tokenizer_and_shape(config.policy)
    params, shardings = _spread(shape, peers)
    abstract = jax.tree.map(
        lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
        params,
        shardings,
    )
    with Checkpointer(user_path(workdir) / "checkpoints", peers=peers) as checkpointer:
        if checkpointer.latest_step() is None:
            raise UserError(f"--workdir={workdir}: there is no complete checkpoint yet")
        step, restored, host_state = checkpointer.restore_part({"params": abstract})
    if host_state.get("tokenizer", tokenizer.fingerprint) != tokenizer.fingerprint:
        raise UserError(f"--workdir={workdir}: policy.tokenizer has another vocabulary than the run's")
    save_params(output, shape, restored["params"], {"eos_token_id": tokenizer.eos_id}, peers)
    if isinstance(tokenizer, HuggingFaceTokenizer):
        by_first(peers, lambda: tokenizer.save(output))
    return step


def _spread(shape: NetworkConfig, peers: Peers) -> tuple[Any, Any]:
    """Returns parameters that have a shape and a dtype only, and shardings of them over all devices."""
    params = abstract_network(shape)[1]
    mesh = make_mesh(data=1, fsdp=jax.device_count(), tensor=1)
    meet(mesh, peers)
    return params, parameter_sharding(params, mesh, SHARDING_RULES)


def _check_apart(source: str, output: str) -> None:
    with naming(f"--source={source}"):
        place = Path(user_path(source)).resolve()
    with naming(f"--output={output}"):
        is_source = place == Path(user_path(output)).resolve()
    if is_source:
        raise UserError(f"--output={output}: is the source itself")


def _check_free(output: str) -> None:
    """Checks that a folder holds nothing that is no network's files."""
    with naming(f"--output={output}"):
        folder = user_path(output)
        others = [name for name in _OTHERS if (folder / name).exists()]
        if others:
            raise UserError(f"holds {others[0]}, and weights are for a folder of their own")
