"""JSON is read as Python's own reader does it, but for what that lets pass."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeit_jax.errors import UserError
from codeit_jax.reading.documents import decode, parse_json, read_lines, read_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES, st.booleans())
def test_any_json_comes_back(value, ascii_only):
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only)) == value


@given(st.text())
def test_any_text_comes_back_and_is_read_as_json_is(text):
    content = text.encode()
    assert decode(content) == text.removeprefix("\ufeff")
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(UserError):
            parse_json(text)
    else:
        assert parse_json(text) == expected


@given(st.lists(st.text(), min_size=1, unique=True), st.data())
def test_a_key_that_stands_twice_is_told(keys, data):
    repeated = data.draw(st.sampled_from(keys))
    pairs = data.draw(st.permutations([*keys, repeated]))
    text = "{" + ", ".join(f"{json.dumps(key)}: 1" for key in pairs) + "}"
    with pytest.raises(UserError, match="stands twice in an object") as error:
        parse_json(f"[{text}]")
    assert f"the key {ascii(repeated)[:80]} " in str(error.value)
    assert "\n" not in str(error.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_text_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("documents") / "file"
    path.write_bytes(content)
    for read in (read_text, lambda path: list(read_lines(path))):
        try:
            read(path)
        except UserError as error:
            assert "\n" not in str(error)  # noqa: PT017


@given(
    st.text(st.characters(codec="ascii"), min_size=2), st.sampled_from(["utf-16", "utf-16-le", "utf-16-be"])
)
def test_utf_16_is_told_with_and_without_its_mark(tmp_path_factory, text, encoding):
    path = tmp_path_factory.mktemp("documents") / "file"
    path.write_bytes(("{" + text.lstrip("\0")).encode(encoding) + "}".encode(encoding))
    if encoding != "utf-16" and "\0" in text[:2]:
        return
    with pytest.raises(UserError, match="is text in UTF-16: save it as UTF-8"):
        read_text(path)
