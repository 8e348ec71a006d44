import json
import random
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import ProgramError, parse_program
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.policy.grammar_tables import build_grammar
from codeit_jax.policy.prompt import Prompt, make_prompt
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.policy.tokenizers import HuggingFaceTokenizer, make_tokenizer

SYMBOLIC = SymbolicTokenizer()
PROGRAM = "x1 = vmirror(I)\nO = hconcat(x1, I)"
FUNCTIONS = sorted(SIGNATURES)


def make_program(num_lines, seed):
    """A program text of the right form; its calls need not make sense."""
    rng = random.Random(seed)
    lines = []
    for line in range(1, num_lines + 1):
        variables = [f"x{i}" for i in range(1, line)]
        callee = rng.choice(FUNCTIONS if rng.random() < 0.8 or not variables else variables)
        names = ["I", *variables, *rng.sample(FUNCTIONS, 3), *CONSTANTS]
        arguments = ", ".join(rng.choices(names, k=rng.randint(1, 5)))
        lines.append(f"{'O' if line == num_lines else f'x{line}'} = {callee}({arguments})")
    return "\n".join(lines)


def make_grid(height, width, num_colours, seed):
    rng = random.Random(seed)
    return tuple(tuple(rng.randrange(num_colours) for _ in range(width)) for _ in range(height))


programs = st.builds(make_program, st.integers(1, 200), st.integers(0, 2**32 - 1))
grids = st.builds(
    make_grid, st.integers(1, 30), st.integers(1, 30), st.integers(1, 10), st.integers(0, 2**32 - 1)
)
pairs = st.lists(st.tuples(grids, grids), min_size=1, max_size=4)


def names(ids):
    return [SYMBOLIC.tokens[token] for token in ids]


def read_back(tokens):
    """The text of a section of symbolic tokens, spaces and implied rows written out."""
    text, row = "", ""
    for before, token in pairwise(["", *tokens]):
        if token.startswith("background=") or token.endswith("="):
            text += f" {token}"
        elif token.endswith(","):
            row = token
            text += token if before.endswith("=") else f" {token}"
        elif token.isdecimal() and before.isdecimal():
            text += f" {row}{token}"
        else:
            text += token
    return text


def write_byte_level_folder(folder, merges=(), specials=("<pad>", "<s>", "</s>", "<unk>", "<mask>")):
    from tokenizers.pre_tokenizers import ByteLevel

    folder.mkdir()
    tokens = [*specials, *sorted(ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    return str(folder)


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer") / "bpe"
    return make_tokenizer(write_byte_level_folder(folder, [("x", "1"), ("m", "i"), ("mi", "r")]))


@pytest.fixture(scope="module", params=["symbolic", "byte_level"])
def tokenizer(request):
    """Every tokenizer there is, for the properties that all of them have."""
    return SYMBOLIC if request.param == "symbolic" else request.getfixturevalue(request.param)


@settings(deadline=None, max_examples=30)
@given(programs)
def test_programs_come_back(tokenizer, text):
    ids = tokenizer.encode_program(text)
    assert ids.dtype == np.int32
    assert ids[-1] == tokenizer.eos_id
    assert tokenizer.decode_program(ids) == text
    assert tokenizer.decode_program([*ids, tokenizer.pad_id, 7]) == text


@settings(deadline=None)
@given(st.lists(st.integers(-5, 800), max_size=40))
def test_any_ids_decode(tokenizer, ids):
    assert isinstance(tokenizer.decode_program(ids), str)


@settings(deadline=None, max_examples=20)
@given(pairs, st.integers(1, 40))
def test_a_prompt_is_ids_of_the_vocabulary_and_cut(tokenizer, demonstrations, length):
    ids = tokenizer.encode_prompt(make_prompt(demonstrations), length)
    assert ids.dtype == np.int32
    assert len(ids) <= 2 * length + 2
    assert all(0 <= token < tokenizer.vocabulary_size for token in ids.tolist())


def test_sampled_programs_can_be_held_to_the_grammar(tokenizer):
    assert set(tokenizer.encode_program(PROGRAM).tolist()) <= set(tokenizer.allowed_ids().tolist())
    build_grammar(tokenizer, 64)


def test_vocabulary_is_fixed_and_in_the_documented_order():
    tokens = SYMBOLIC.tokens
    assert len(set(tokens)) == len(tokens) == SYMBOLIC.vocabulary_size == 703
    assert SYMBOLIC.program_vocabulary_size == 590
    assert tokens[:3] == ("<pad>", "</s>", "x1=")
    assert tokens[201] == "O="
    assert tokens[202:362] == tuple(FUNCTIONS)
    assert tokens[362:390] == tuple(sorted(CONSTANTS))
    assert tokens[390:392] == ("I", "x1")
    assert tokens[589:593] == ("x199", "\n", "|", "1x")
    assert tokens[-1] == "30"
    assert (SYMBOLIC.pad_id, SYMBOLIC.eos_id) == (0, 1)


def test_a_program_is_its_names():
    ids = SYMBOLIC.encode_program(PROGRAM)
    assert ids.dtype == np.int32
    assert names(ids) == ["x1=", "vmirror", "I", "O=", "hconcat", "x1", "I", "</s>"]


def test_the_longest_program_has_200_lines():
    text = make_program(200, 0)
    assert SYMBOLIC.decode_program(SYMBOLIC.encode_program(text)) == text
    with pytest.raises(ValueError, match="no token for 'x200='"):
        SYMBOLIC.encode_program(make_program(201, 0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("O = frobnicate(I)", "no token for 'frobnicate'"),
        ("O = vmirror(3)", "no token for '3'"),
        ("O=vmirror(I)", "no token for 'O'"),
        ("y1 = vmirror(I)", "no token for 'y1='"),
        ("O = vmirror(I)\n", "not canonical"),
        ("O = vmirror( I)", "not canonical"),
        ("O = hconcat(I,I)", "not canonical"),
        ("O = vmirror(I", "not canonical"),
        ("O = compose(vmirror(I), I)", "not canonical"),
    ],
)
def test_what_cannot_be_written_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        SYMBOLIC.encode_program(text)


@settings(deadline=None)
@given(st.lists(st.integers(-5, 800) | st.integers(2, 12) | st.integers(202, 215), max_size=40))
def test_any_ids_give_a_text_that_parses_only_if_it_is_a_program(ids):
    text = SYMBOLIC.decode_program(np.array(ids, np.int32))
    try:
        program = parse_program(text)
    except ProgramError:
        return
    if str(program) == text:
        ends = [i for i, token in enumerate(ids) if token in (0, 1)]
        assert SYMBOLIC.encode_program(text).tolist()[:-1] == ids[: min(ends, default=len(ids))]


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (["vmirror", "x1="], " = vmirror()\nx1 = ()"),
        (["x1=", "O=", "vmirror", "I"], "x1 = ()\nO = vmirror(I)"),
        (["O=", "vmirror", "|"], "O = vmirror(<591>)"),
        (["O=", "vmirror", "I", "</s>", "x1="], "O = vmirror(I)"),
        (["O=", "vmirror", "<pad>", "I"], "O = vmirror()"),
        ([], ""),
    ],
)
def test_decoding_of_odd_ids(tokens, text):
    ids = [SYMBOLIC.tokens.index(token) for token in tokens]
    assert SYMBOLIC.decode_program(ids) == text


def test_ids_outside_the_vocabulary_are_written_by_number():
    assert SYMBOLIC.decode_program([2, -7, 5000]) == "x1 = <-7>(<5000>)"


def test_a_prompt_names_a_row_once_a_colour():
    prompt = Prompt("6x6 background=0 3=1,2 2,1 2,3|1x2 background=0 4=0,1 5=0,0", "12x30 background=7")
    ids = SYMBOLIC.encode_prompt(prompt, 512)
    assert ids.dtype == np.int32
    assert names(ids) == [
        *("6x", "6", "background=0", "3=", "1,", "2", "2,", "1", "3", "|"),
        *("1x", "2", "background=0", "4=", "0,", "1", "5=", "0,", "0", "\n"),
        *("12x", "30", "background=7", "</s>"),
    ]


@settings(deadline=None, max_examples=60)
@given(pairs)
def test_prompts_come_back(demonstrations):
    prompt = make_prompt(demonstrations)
    tokens = names(SYMBOLIC.encode_prompt(prompt, 10**6))
    middle = tokens.index("\n")
    assert tokens[-1] == "</s>"
    assert read_back(tokens[:middle]) == prompt.inputs
    assert read_back(tokens[middle + 1 : -1]) == prompt.outputs


@settings(deadline=None, max_examples=40)
@given(pairs, st.integers(1, 60))
def test_each_section_is_cut_to_its_length(demonstrations, length):
    prompt = make_prompt(demonstrations)
    whole = SYMBOLIC.encode_prompt(prompt, 10**6).tolist()
    newline = SYMBOLIC.tokens.index("\n")
    middle = whole.index(newline)
    expected = [*whole[:middle][:length], newline, *whole[middle + 1 : -1][:length], 1]
    assert SYMBOLIC.encode_prompt(prompt, length).tolist() == expected


def test_prompts_of_another_form_are_refused():
    with pytest.raises(ValueError, match="no token for '31x'"):
        SYMBOLIC.encode_prompt(Prompt("31x1 background=0", "1x1 background=0"), 512)
    with pytest.raises(ValueError, match="no token for '000000'"):
        SYMBOLIC.encode_prompt(Prompt("1x6 000000", "1x1 0"), 512)
    with pytest.raises(ValueError, match="section_length must be at least 1, got 0"):
        SYMBOLIC.encode_prompt(Prompt("1x1 background=0", "1x1 background=0"), 0)


def test_the_fingerprint_does_not_depend_on_hashing():
    script = (
        "from codeit_jax.policy.symbolic import SymbolicTokenizer as T; import sys; "
        "assert not {'jax', 'transformers'} & set(sys.modules); print(T().fingerprint)"
    )
    prints = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert prints == {SYMBOLIC.fingerprint}


def test_a_folder_of_two_files_is_a_byte_pair_encoding(byte_level):
    assert (byte_level.pad_id, byte_level.eos_id, byte_level.vocabulary_size) == (0, 2, 5 + 256 + 3 + 100)
    ids = byte_level.encode_program(PROGRAM)
    assert ids.dtype == np.int32
    assert ids[-1] == 2
    assert len(ids) == len(PROGRAM) - 2 + 1  # "mir" is one token; letters and digits never join
    assert byte_level.decode_program(ids) == PROGRAM
    assert byte_level.decode_program([*ids, 0, 0, 77]) == PROGRAM


def test_an_id_outside_a_byte_pair_vocabulary_cannot_be_overlooked(byte_level):
    ids = byte_level.encode_program(PROGRAM)
    assert byte_level.decode_program([*ids[:-1], 9999, 40, 2]) == PROGRAM + "\N{REPLACEMENT CHARACTER}"


def test_byte_pairs_cut_each_section(byte_level):
    prompt = Prompt("6x6 background=0", "1x1 background=4")
    newline = byte_level.encode_program("\n")[:-1].tolist()
    ids = byte_level.encode_prompt(prompt, 4).tolist()
    assert ids == [
        1,
        *byte_level.encode_program("6x6")[:-1],
        *newline,
        *byte_level.encode_program("1x1")[:-1],
    ]
    assert byte_level.decode_program(byte_level.encode_prompt(prompt, 512)) == prompt.text
    with pytest.raises(ValueError, match="section_length must be at least 1, got -1"):
        byte_level.encode_prompt(prompt, -1)


def test_a_program_that_byte_pairs_would_alter_is_refused(byte_level):
    with pytest.raises(ValueError, match="cannot write this program"):
        byte_level.encode_program("O = vmirror(<s>)")


def test_fingerprints_tell_vocabularies_apart(byte_level, tmp_path):
    other = HuggingFaceTokenizer(write_byte_level_folder(tmp_path / "other", [("x", "2")]))
    assert len({byte_level.fingerprint, other.fingerprint, SYMBOLIC.fingerprint}) == 3


def test_a_home_may_be_named_by_its_sign(byte_level, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    byte_level.save("~/saved")
    assert (tmp_path / "saved").is_dir()
    assert make_tokenizer("~/saved").fingerprint == byte_level.fingerprint
    with pytest.raises(ValueError, match=r"^tokenizer '~nosuchuser': there is no such user's home"):
        make_tokenizer("~nosuchuser")


def test_make_tokenizer_names_what_is_wrong(tmp_path):
    assert isinstance(make_tokenizer("symbolic"), SymbolicTokenizer)
    missing = str(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=f"tokenizer '{missing}': neither a folder nor found"):
        make_tokenizer(missing)
    with pytest.raises(ValueError, match="the folder holds no tokenizer"):
        make_tokenizer(str(tmp_path))
    roberta = write_byte_level_folder(tmp_path / "roberta", specials=("<s>", "<pad>", "</s>", "<unk>"))
    with pytest.raises(ValueError, match="padding must be id 0, not 1"):
        make_tokenizer(roberta)


@pytest.mark.parametrize("is_bare", [False, True], ids=["saved", "bare"])
@pytest.mark.parametrize("damage", ["cut", "", "no JSON", "[1, 2]", '{"a": 1}', "null", "\0\1"])
def test_a_damaged_tokenizer_is_named(byte_level, tmp_path, is_bare, damage):
    folder = tmp_path / "tokenizer"
    write_byte_level_folder(folder) if is_bare else byte_level.save(str(folder))
    files = sorted(path.name for path in folder.iterdir())
    assert files == (["merges.txt", "vocab.json"] if is_bare else ["tokenizer.json", "tokenizer_config.json"])
    for name in files:
        whole = (folder / name).read_text()
        (folder / name).write_text(whole[: len(whole) // 2] if damage == "cut" else damage)
        if (name, damage) != ("merges.txt", ""):  # a byte-pair encoding that merges nothing
            with pytest.raises(ValueError, match=r"^tokenizer '") as caught:
                make_tokenizer(str(folder))
            assert "\n" not in str(caught.value)
            # JSON of something else may be a tokenizer without what is needed.
            assert name in str(caught.value) or "padding must be id 0" in str(caught.value)
        (folder / name).write_text(whole)
    make_tokenizer(str(folder))
