"""What somebody else has left is told apart from what may be gone on with."""

import json

import pytest

from codeit_jax.run.claim import ClaimError, check_claim, claim_folder, read_claim


def read(folder):
    return read_claim(folder / "record.json", [folder / "a.csv", folder / "b"], lambda values: values["who"])


def test_nothing_is_nobodys(tmp_path):
    assert read(tmp_path) is None


def test_a_record_is_found_with_and_without_results(tmp_path):
    (tmp_path / "record.json").write_text(json.dumps({"who": 7}))
    assert read(tmp_path) == 7
    (tmp_path / "b").mkdir()
    assert read(tmp_path) == 7


@pytest.mark.parametrize("name", ["a.csv", "b"])
def test_results_without_a_record_are_somebodys(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(ClaimError, match=f"^there is {name} but no record.json that says whose it is$"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"{}", b"\xff"])
def test_a_record_of_something_else_is_refused(tmp_path, content):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(ClaimError, match=r"^record.json is no record of this version: "):
        read(tmp_path)


@pytest.mark.parametrize(
    ("left", "claimed"),
    [
        ("config.json", "settings.json"),
        ("config.json", "progress.json"),
        ("settings.json", "config.json"),
        ("progress.json", "settings.json"),
    ],
)
def test_the_folder_of_another_command_is_refused(tmp_path, left, claimed):
    (tmp_path / left).write_text("{}")
    with pytest.raises(ClaimError, match=f"^there is {left}, by which it belongs to another command$"):
        claim_folder(str(tmp_path), claimed, [], dict)
    folder, hold, record = claim_folder(str(tmp_path), left, [], dict)
    with hold:
        assert (str(folder), record) == (str(tmp_path), {})


def test_the_first_setting_that_differs_is_named():
    check_claim({"a": 1, "b": [2]}, {"b": [2], "a": 1})
    with pytest.raises(ClaimError, match=r"^was begun with other settings: a was 1 and is now '1'$"):
        check_claim({"a": 1, "b": 2}, {"a": "1", "b": 2})
    with pytest.raises(ClaimError, match=r": budget.max_work was 1 and is now 2$"):
        check_claim({"budget": {"max_work": 1, "max_items": 3}}, {"budget": {"max_work": 2, "max_items": 3}})
    with pytest.raises(ClaimError, match=r"b was 2 and is now None \(and 1 more\)$"):
        check_claim({"a": 1, "b": 2}, {"a": 1, "c": 3})
