"""The configs that come with the project, and their variants."""

import functools
import re
import runpy
from pathlib import Path

import pytest

from codeit_jax.config import Config
from codeit_jax.config.ablations import ABLATIONS, ablated
from codeit_jax.config.conversion import from_dict, lasting_settings, to_config_dict

CONFIGS = Path(__file__).parents[2] / "configs"
get_config = runpy.run_path(str(CONFIGS / "codeit.py"))["get_config"]
QUICKSTART = runpy.run_path(str(CONFIGS / "quickstart.py"))


def config_of(variant):
    return from_dict(Config, get_config(variant))


def changes(old, new):
    """Returns the settings in which two variants differ, with both values."""
    before, after = map(lasting_settings, map(config_of, (old, new)))
    return {name: (before[name], after[name]) for name in before if before[name] != after[name]}


def test_the_default_is_the_papers_policy():
    assert config_of("") == config_of("220m")
    policy = config_of("220m").policy
    assert (policy.preset, policy.weights) == ("codet5p-220m", "Salesforce/codet5p-220m")
    assert config_of("220m").sampling.constraint == "allowed"


@pytest.mark.parametrize(
    ("size", "preset", "weights"),
    [
        ("60m", "codet5-small", "Salesforce/codet5-small"),
        ("220m", "codet5p-220m", "Salesforce/codet5p-220m"),
        ("770m", "codet5p-770m", "Salesforce/codet5p-770m"),
        ("tiny", "tiny", ""),
    ],
)
def test_each_size_names_its_preset_and_weights(size, preset, weights):
    policy = config_of(size).policy
    assert (policy.preset, policy.weights, policy.tokenizer) == (preset, weights, weights or "symbolic")


@pytest.mark.parametrize(
    ("variant", "setting", "old", "new"),
    [
        ("random_weights", "policy.weights", "Salesforce/codet5p-220m", ""),
        ("no_expert_iteration", "replay.policy_experiences", 90000, 0),
        ("no_relabeling", "replay.relabeling", True, False),
        ("no_priority", "replay.prioritized", True, False),
        ("length_priority", "replay.priority.length", 0.0, 1.0),
        ("age_priority", "replay.priority.age", 0.0, 1.0),
        ("distance_priority", "replay.priority.distance", 0.0, 1.0),
        ("evolution", "evolution.turn_work", 0, 4_000_000),
        ("no_mutation", "mutation.num_programs", 12000, 0),
        ("one_demonstration", "policy.max_demonstrations", 10, 1),
        ("dense", "policy.grid_text", "sparse", "dense"),
        ("grammar", "sampling.constraint", "allowed", "grammar"),
        ("bf16", "policy.dtype", "float32", "bfloat16"),
    ],
)
def test_an_ablation_changes_one_setting(variant, setting, old, new):
    assert changes("220m", f"220m,{variant}") == {setting: (old, new)}


def test_tiny_breeds_unless_told_otherwise():
    assert changes("tiny", "tiny,no_evolution") == {"evolution.turn_work": (8_000_000, 0)}
    assert config_of("220m,no_evolution") == config_of("220m")


QUICKSTART_VARIANTS = re.findall(r"^    (\w+)", QUICKSTART["__doc__"], re.MULTILINE)


def test_quickstart_tells_of_all_ablations_that_are_for_it():
    assert {*QUICKSTART_VARIANTS} == {*ABLATIONS} - {"random_weights", "evolution", "dense", "grammar"}


@pytest.mark.parametrize("variant", QUICKSTART_VARIANTS)
def test_an_ablation_of_quickstart_changes_one_setting(variant):
    base, varied = (
        lasting_settings(from_dict(Config, QUICKSTART["get_config"](name))) for name in ("", variant)
    )
    assert {name: varied[name] for name in base if base[name] != varied[name]} == ABLATIONS[variant]
    assert ablated(from_dict(Config, QUICKSTART["get_config"]()), [variant]) == from_dict(
        Config, QUICKSTART["get_config"](variant)
    )


def test_ablations_add_up_in_any_order():
    assert config_of("bf16,60m,no_priority") == config_of("60m,no_priority,bf16")
    assert len(changes("60m", "bf16,60m,no_priority")) == 2


@pytest.mark.parametrize(
    ("variant", "message"), [("huge", "unknown variant 'huge'"), ("60m,tiny", "one size")]
)
def test_a_variant_that_makes_no_sense_is_named(variant, message):
    with pytest.raises(ValueError, match=message):
        get_config(variant)


def test_the_default_has_the_papers_figures():
    config = config_of("220m")
    figures = {
        "num_meta_iterations": 100,
        "warmup_experiences": 0,
        "data.training_tasks": "arc1/training",
        "data.search_tasks": "arc1/evaluation",
        "execution.budget.max_items": 1_000,
        "mutation.parents": "original",
        "mutation.num_programs": 12_000,
        "mutation.argument_share": 0.5,
        "mutation.function_share": 0.25,
        "mutation.search": True,
        "mutation.max_searched": 0,
        "augmentation.num_copies": 0,
        "evolution.turn_work": 0,
        "replay.capacity": 10_000_000,
        "replay.training_experiences": 10_000,
        "replay.policy_experiences": 90_000,
        "replay.relabeling": True,
        "replay.prioritized": True,
        "replay.priority.performance": 1.0,
        "replay.priority.length": 0.0,
        "replay.priority.age": 0.0,
        "replay.priority.distance": 0.0,
        "policy.grid_text": "sparse",
        "policy.section_length": 512,
        "policy.max_program_length": 512,
        "policy.max_demonstrations": 10,
        "policy.dropout_rate": 0.1,
        "sampling.num_samples": 24,
        "sampling.allocation": "even",
        "sampling.temperature": 0.95,
        "sampling.constraint": "allowed",
        "learner.batch_size": 512,
        "learner.learning_rate": 5e-5,
        "learner.warmup_steps": 0,
        "learner.max_gradient_norm": None,
        "learner.num_epochs": 1,
    }
    settings = to_config_dict(config)
    assert {name: functools.reduce(getattr, name.split("."), settings) for name in figures} == figures
