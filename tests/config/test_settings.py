"""Settings are checked when made, survive the ways they are written down, and tell where two runs differ."""

import dataclasses
import json
import math
import re
import runpy
from pathlib import Path

import pytest

from codeit_jax.config import (
    AugmentationConfig,
    Config,
    ConfigError,
    DataConfig,
    EvolutionConfig,
    ExecutionConfig,
    LearnerConfig,
    MeshConfig,
    MutationConfig,
    PolicyConfig,
    PriorityConfig,
    ReplayConfig,
    SamplingConfig,
    SyntheticConfig,
)
from codeit_jax.config.budget import Budget
from codeit_jax.config.conversion import from_dict, lasting_settings, setting_names, to_config_dict

CONFIG_FILES = sorted((Path(__file__).parents[2] / "configs").glob("*.py"))

# A config of which no setting has its default, save one that has to.
CHANGED = Config(
    seed=1,
    num_meta_iterations=2,
    warmup_experiences=3,
    checkpoint_interval=4,
    validation_interval=5,
    report_interval=0,
    data=DataConfig(
        training_tasks="a",
        training_programs="b",
        search_tasks="c",
        validation_tasks="d",
        allow_overlap=True,
    ),
    execution=ExecutionConfig(
        num_workers=1, timeout_seconds=2.0, memory_gigabytes=3.0, budget=Budget(1, 2, 3, 4, 5)
    ),
    mutation=MutationConfig(
        num_programs=1,
        max_parent_lines=2,
        argument_share=0.1,
        function_share=0.2,
        search=False,
        max_searched=3,
        parents="both",
        distillation_work=4,
        search_work=5,
    ),
    augmentation=AugmentationConfig(
        num_copies=1, min_inputs=3, colour_permutations=False, symmetries=False, crops=False, sizes=True
    ),
    synthetic=SyntheticConfig(num_parts=1, part_size=2, random_share=0.3),
    evolution=EvolutionConfig(
        turn_work=1,
        parents="both",
        views_work=2,
        capacity=3,
        num_mended=1,
        max_turns=2,
        num_newcomers=4,
        num_experiences=6,
    ),
    replay=ReplayConfig(
        capacity=1,
        training_experiences=2,
        policy_experiences=3,
        relabeling=False,
        prioritized=False,
        priority=PriorityConfig(performance=2.0, length=1.0, age=1.0, distance=1.0, max_length=5, max_age=6),
    ),
    policy=PolicyConfig(
        preset="nano",
        weights="folder",
        tokenizer="folder",
        grid_text="dense",
        section_length=1,
        max_program_length=2,
        max_demonstrations=3,
        dropout_rate=0.0,
        dtype="bfloat16",
    ),
    sampling=SamplingConfig(
        num_samples=1,
        allocation="adaptive",
        temperature=0.5,
        tasks_per_batch=2,
        constraint="grammar",
        prompt_buckets=(1, 3),
    ),
    learner=LearnerConfig(
        batch_size=1,
        learning_rate=0.1,
        weight_decay=0.2,
        warmup_steps=3,
        max_gradient_norm=1.0,
        num_epochs=2,
        num_micro_batches=2,
        rematerialize=True,
        prompt_buckets=(1, 2),
        program_buckets=(3,),
    ),
    mesh=MeshConfig(data=2, fsdp=3, tensor=4),
)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Config(seed=-1), "seed"),
        (lambda: Config(seed=2**32), "seed"),
        (lambda: Config(num_meta_iterations=0), "num_meta_iterations"),
        (lambda: Config(warmup_experiences=-1), "warmup_experiences"),
        (lambda: Config(checkpoint_interval=0), "checkpoint_interval"),
        (lambda: Config(checkpoint_minutes=-1.0), "checkpoint_minutes"),
        (lambda: Config(checkpoint_minutes=float("nan")), "checkpoint_minutes"),
        (lambda: Config(validation_interval=0), "validation_interval"),
        (lambda: Config(report_interval=-1), "report_interval"),
        (lambda: ExecutionConfig(num_workers=-1), "execution.num_workers"),
        (lambda: ExecutionConfig(timeout_seconds=0.0), "execution.timeout_seconds"),
        (lambda: ExecutionConfig(timeout_seconds=math.inf), "execution.timeout_seconds"),
        (lambda: ExecutionConfig(memory_gigabytes=math.nan), "execution.memory_gigabytes"),
        (lambda: MutationConfig(num_programs=-1), "mutation.num_programs"),
        (lambda: MutationConfig(max_parent_lines=-1), "mutation.max_parent_lines"),
        (lambda: MutationConfig(max_searched=-1), "mutation.max_searched"),
        (
            lambda: MutationConfig(parents="grand"),
            "mutation.parents must be one of original, distilled, both",
        ),
        (lambda: MutationConfig(distillation_work=0), "mutation.distillation_work"),
        (lambda: MutationConfig(search_work=0), "mutation.search_work"),
        (lambda: MutationConfig(argument_share=-0.1), "mutation.argument_share"),
        (lambda: MutationConfig(argument_share=math.nan), "mutation.argument_share"),
        (lambda: MutationConfig(function_share=math.nan), "mutation.function_share"),
        (lambda: MutationConfig(argument_share=0.6, function_share=0.6), "mutation.function_share"),
        (lambda: AugmentationConfig(num_copies=-1), "augmentation.num_copies"),
        (lambda: AugmentationConfig(min_inputs=0), "augmentation.min_inputs"),
        (lambda: SyntheticConfig(num_parts=-1), "synthetic.num_parts"),
        (lambda: SyntheticConfig(part_size=0), "synthetic.part_size"),
        (lambda: SyntheticConfig(random_share=1.5), "synthetic.random_share"),
        (
            lambda: Config(
                synthetic=SyntheticConfig(num_parts=1),
                augmentation=AugmentationConfig(0, 1, False, False, False, False),
            ),
            "synthetic.num_parts",
        ),
        (lambda: AugmentationConfig(1, 2, False, False, False, False), "augmentation.num_copies"),
        (lambda: SamplingConfig(allocation="odd"), "sampling.allocation"),
        (lambda: EvolutionConfig(turn_work=-1), "evolution.turn_work"),
        (lambda: EvolutionConfig(turn_work=100_000_001), "evolution.turn_work"),
        (lambda: EvolutionConfig(parents="none"), "evolution.parents"),
        (lambda: EvolutionConfig(views_work=-1), "evolution.views_work"),
        (lambda: EvolutionConfig(capacity=1), "evolution.capacity"),
        (lambda: EvolutionConfig(num_mended=-1), "evolution.num_mended"),
        (lambda: EvolutionConfig(max_turns=-1), "evolution.max_turns"),
        (lambda: EvolutionConfig(num_newcomers=-1), "evolution.num_newcomers"),
        (lambda: EvolutionConfig(num_experiences=0), "evolution.num_experiences"),
        (lambda: ReplayConfig(capacity=0), "replay.capacity"),
        (lambda: ReplayConfig(training_experiences=0), "replay.training_experiences"),
        (lambda: ReplayConfig(policy_experiences=-1), "replay.policy_experiences"),
        (lambda: PolicyConfig(section_length=0), "policy.section_length"),
        (lambda: PolicyConfig(max_program_length=1), "policy.max_program_length"),
        (lambda: PolicyConfig(max_demonstrations=0), "policy.max_demonstrations"),
        (lambda: PolicyConfig(dropout_rate=1.0), "policy.dropout_rate"),
        (lambda: PolicyConfig(dropout_rate=math.nan), "policy.dropout_rate"),
        (lambda: PolicyConfig(dtype="float16"), "policy.dtype"),
        (lambda: SamplingConfig(num_samples=0), "sampling.num_samples"),
        (lambda: SamplingConfig(temperature=-0.1), "sampling.temperature"),
        (lambda: SamplingConfig(temperature=math.inf), "sampling.temperature"),
        (lambda: SamplingConfig(tasks_per_batch=0), "sampling.tasks_per_batch"),
        (lambda: LearnerConfig(batch_size=0), "learner.batch_size"),
        (lambda: LearnerConfig(learning_rate=0.0), "learner.learning_rate"),
        (lambda: LearnerConfig(weight_decay=math.nan), "learner.weight_decay"),
        (lambda: LearnerConfig(warmup_steps=-1), "learner.warmup_steps"),
        (lambda: LearnerConfig(num_epochs=0), "learner.num_epochs"),
        (lambda: LearnerConfig(num_micro_batches=0), "learner.num_micro_batches"),
        (lambda: LearnerConfig(max_gradient_norm=0.0), "learner.max_gradient_norm"),
        (lambda: SamplingConfig(prompt_buckets=(2, 1)), "sampling.prompt_buckets"),
        (lambda: LearnerConfig(prompt_buckets=(2, 1)), "learner.prompt_buckets"),
        (lambda: LearnerConfig(program_buckets=(0, 1)), "learner.program_buckets"),
        (lambda: LearnerConfig(program_buckets=(1, 1)), "learner.program_buckets"),
        (lambda: MeshConfig(data=0), "mesh.data"),
        (lambda: MeshConfig(data=-2), "mesh.data"),
        (lambda: MeshConfig(fsdp=-1), "mesh.fsdp"),
        (lambda: MeshConfig(tensor=0), "mesh.tensor"),
    ],
)
def test_a_senseless_value_is_refused_by_name(make, field: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(field)) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_values_at_the_edge_are_taken() -> None:
    Config(seed=2**32 - 1, num_meta_iterations=1, warmup_experiences=0)
    MutationConfig(num_programs=0, argument_share=0.75, function_share=0.25)
    AugmentationConfig(0, 1, False, False, False, False)
    SamplingConfig(temperature=0.0)
    LearnerConfig(max_gradient_norm=None, weight_decay=0.0, prompt_buckets=(1,))
    MeshConfig(data=-1)


def test_changed_leaves_no_default() -> None:
    old, new = lasting_settings(Config()), lasting_settings(CHANGED)
    same = {name for name in old if old[name] == new[name]}
    assert same == {"augmentation.sizes"}  # one of the augmentations has to be on


def test_all_settings_last_but_those_that_change_no_result() -> None:
    may_change = {"num_meta_iterations", "checkpoint_interval", "checkpoint_minutes", "execution.num_workers"}
    may_change |= {"kept_checkpoints", "kept_checkpoint_interval"}
    may_change |= {"validation_interval", "report_interval", "data.validation_tasks", "data.allow_overlap"}
    may_change |= {"learner.rematerialize", "mesh.data", "mesh.fsdp", "mesh.tensor"}
    assert set(lasting_settings(Config())) == set(setting_names(Config)) - may_change


@pytest.mark.parametrize("config", [Config(), CHANGED], ids=["default", "changed"])
def test_a_config_survives_a_config_dict_and_json(config: Config) -> None:
    assert from_dict(Config, to_config_dict(config)) == config
    assert from_dict(Config, json.loads(json.dumps(dataclasses.asdict(config)))) == config


def test_a_setting_that_may_be_none_takes_a_number() -> None:
    values = to_config_dict(Config())
    assert values.learner.max_gradient_norm is None
    values.learner.max_gradient_norm = 0.5
    assert from_dict(Config, values).learner.max_gradient_norm == 0.5
    with pytest.raises(TypeError):
        values.learner.max_gradient_norm = "much"


def test_settings_that_are_not_given_have_their_defaults() -> None:
    config = from_dict(Config, {"learner": {"batch_size": 8}})
    assert config == Config(learner=LearnerConfig(batch_size=8))


def test_a_whole_number_will_do_for_a_real_one() -> None:
    temperature = from_dict(Config, {"sampling": {"temperature": 1}}).sampling.temperature
    assert temperature == 1.0
    assert type(temperature) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nope": 1}, "there is no setting nope"),
        ({"learner": {"nope": 1}}, "there is no setting learner.nope"),
        ({"execution": {"budget": {"nope": 1}}}, "there is no setting execution.budget.nope"),
        (
            {"learner": {"num_epochs": 1 << 63}},
            "learner.num_epochs must be below 2**63, and not of so many digits",
        ),
        ({"seed": "1"}, "seed must be of type int, not '1'"),
        ({"seed": 1.0}, "seed must be of type int, not 1.0"),
        ({"seed": True}, "seed must be of type int, not True"),
        ({"seed": None}, "seed must be of type int, not None"),
        ({"mutation": {"search": 1}}, "mutation.search must be of type bool, not 1"),
        ({"sampling": {"temperature": "hot"}}, "sampling.temperature must be of type float, not 'hot'"),
        ({"learner": {"max_gradient_norm": "x"}}, "learner.max_gradient_norm must be of type float, not 'x'"),
        ({"learner": {"prompt_buckets": 5}}, "learner.prompt_buckets must be of type tuple, not 5"),
        ({"learner": {"prompt_buckets": ["a"]}}, "learner.prompt_buckets must be of type tuple, not ['a']"),
        ({"learner": 3}, "learner must be a group of settings, not 3"),
        ([], "a config must be a group of settings, not []"),
        ({"learner": {"batch_size": 0}}, "learner.batch_size must be a number of at least 1, not 0"),
        ({"execution": {"budget": {"max_work": 0}}}, "execution.budget.max_work must be at least 1"),
    ],
)
def test_values_of_the_wrong_name_or_type_are_refused(values, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_dict(Config, values)
    assert str(caught.value) == message


def test_setting_names_are_those_of_the_flags() -> None:
    names = setting_names(Config)
    assert {"seed", "learner.batch_size", "execution.budget.max_work"} <= set(names)
    assert "learner" not in names
    assert len(names) == len(set(names))


@pytest.mark.parametrize("file", CONFIG_FILES, ids=lambda file: file.stem)
def test_the_config_files_make_a_config(file: Path) -> None:
    values = runpy.run_path(str(file))["get_config"]()
    assert isinstance(from_dict(Config, values), Config)


def test_there_are_config_files() -> None:
    assert {"codeit", "quickstart"} <= {file.stem for file in CONFIG_FILES}
