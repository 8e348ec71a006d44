"""Tokenizers behind one interface: the symbolic vocabulary, and those of pretrained models."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import INPUT, OUTPUT
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.errors import UserError, naming
from codeit_jax.policy.prompt import Prompt
from codeit_jax.policy.spelling import Slot
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.policy.weight_formats import one_line
from codeit_jax.reading.documents import read_json
from codeit_jax.reading.paths import expand_home
from codeit_jax.run.files import scratch_folder, write_bytes
from codeit_jax.run.silence import without_warnings

_NUM_SENTINELS = 100
_TOKENIZER = "tokenizer.json"
_JSON_FILES = {
    *(_TOKENIZER, "tokenizer_config.json", "vocab.json"),
    *("special_tokens_map.json", "added_tokens.json", "config.json"),
}


class Tokenizer(Protocol):
    """A tokenizer as the learner and the sampler need it.

    Attributes:
        vocabulary_size: how many ids the tokenizer knows; a pretrained model's embedding may have more rows.
        pad_id: the padding id and the decoder's start id; always 0.
        eos_id: the id that ends a prompt and a program.
        fingerprint: a hash of the vocabulary, by which a checkpoint made with another one is recognised.
    """

    vocabulary_size: int
    pad_id: int
    eos_id: int
    fingerprint: str

    def encode_prompt(self, prompt: Prompt, section_length: int) -> np.ndarray:
        """Returns int32 ids `[length]`: inputs, newline, outputs; each section cut to its length."""

    def encode_program(self, text: str) -> np.ndarray:
        """Returns int32 ids `[length]` that end with `eos_id`; ValueError where decoding would differ."""

    def spell(self, slot: Slot, name: str) -> list[int]:
        """Returns the ids of a piece of a program; see `spelling.pieces`."""

    def allowed_ids(self) -> np.ndarray:
        """Returns the ids, int32 `[count]`, that programs may be written with by the paper's rule."""

    def decode_program(self, ids: Sequence[int] | np.ndarray) -> str:
        """Returns the text of ids `[length]` up to the first end or padding; never raises."""


def make_tokenizer(name: str) -> Tokenizer:
    """Returns the tokenizer of that name: `symbolic`, or a folder or hub name of a Hugging Face tokenizer.

    Raises:
        ValueError: there is no such tokenizer.
    """
    return SymbolicTokenizer() if name == "symbolic" else HuggingFaceTokenizer(name)


class HuggingFaceTokenizer:
    """A pretrained model's own tokenizer, CodeT5's byte-pair encoding above all.

    Args:
        name: a folder or a name on the Hugging Face hub. A folder may hold nothing but the `vocab.json` and
            `merges.txt` of a byte-level byte-pair encoding with RoBERTa's special tokens, as CodeT5's; the
            hundred sentinels of T5 then follow these.

    Raises:
        ValueError: there is no such tokenizer, its padding id is not 0, or it has no end token.
    """

    pad_id = 0

    def __init__(self, name: str) -> None:
        self._tokenizer = _load(name)
        if self._tokenizer.pad_token_id != self.pad_id:
            raise ValueError(f"tokenizer {name!r}: padding must be id 0, not {self._tokenizer.pad_token_id}")
        if self._tokenizer.eos_token_id is None:
            raise ValueError(f"tokenizer {name!r}: no end-of-sequence token")
        vocabulary: dict[str, int] = self._tokenizer.get_vocab()
        self.eos_id = int(self._tokenizer.eos_token_id)
        start = self._tokenizer.bos_token_id
        self._start = [] if start is None else [int(start)]
        self.vocabulary_size = max(vocabulary.values()) + 1
        self.fingerprint = hashlib.sha256(json.dumps(sorted(vocabulary.items())).encode()).hexdigest()

    def encode_prompt(self, prompt: Prompt, section_length: int) -> np.ndarray:
        """Returns a prompt as int32 ids `[length]`: start, inputs, newline, outputs.

        As in the paper the start belongs to the first section and the newline to the second, and nothing ends
        the prompt.

        Args:
            prompt: a prompt of any grid texts.
            section_length: the most tokens that the inputs and the outputs may take each; what is longer is
                cut off at its end.

        Raises:
            ValueError: `section_length` is below 1.
        """
        if section_length < 1:
            raise ValueError(f"section_length must be at least 1, got {section_length}")
        inputs, outputs = self._encode(prompt.inputs), self._encode(prompt.outputs)
        first, second = [*self._start, *inputs], [*self._encode("\n"), *outputs]
        return np.array(first[:section_length] + second[:section_length], np.int32)

    def encode_program(self, text: str) -> np.ndarray:
        """Returns a program's text as int32 ids `[length]` that end with `eos_id`.

        Raises:
            ValueError: the vocabulary cannot write the text, so that decoding would not give it back.
        """
        ids = np.array([*self._encode(text), self.eos_id], np.int32)
        if self.decode_program(ids) != text:
            raise ValueError(f"the tokenizer's vocabulary cannot write this program: {text!r}")
        return ids

    def spell(self, slot: Slot, name: str) -> list[int]:
        """Returns the ids of a piece of a program."""
        ids = self._encode(slot.value.format(name))
        return [*ids, self.eos_id] if slot is Slot.END else ids

    def allowed_ids(self) -> np.ndarray:
        """Returns the ids, int32 `[count]`, that programs may be written with.

        As in the paper these are the tokens of the language's names and punctuation, of numbers and of
        variables below 100, each by itself and behind a space.
        """
        words = [*SIGNATURES, *CONSTANTS, INPUT, OUTPUT, *"()=, "]
        words += [f"{prefix}{number}" for number in range(100) for prefix in ("", "x")]
        texts = ["\n", *words, *(f" {word}" for word in words)]
        ids = {token for text in texts for token in self._encode(text)}
        return np.array(sorted({*ids, self.pad_id, self.eos_id}), np.int32)

    def decode_program(self, ids: Sequence[int] | np.ndarray) -> str:
        """Returns the text of ids `[length]` up to the first end or padding.

        Other special tokens have no text. An id outside the vocabulary ends the text with U+FFFD, which no
        program contains.
        """
        kept, mark = [], ""
        for token in np.asarray(ids).tolist():
            if token in (self.eos_id, self.pad_id):
                break
            if not 0 <= token < self.vocabulary_size:
                mark = "\N{REPLACEMENT CHARACTER}"
                break
            kept.append(token)
        text = self._tokenizer.decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(text) + mark

    def save(self, folder: str) -> None:
        """Writes the files that transformers reads the tokenizer from, each in one step.

        Args:
            folder: made if it is not there; files of these names in it are replaced.

        Raises:
            UserError: the folder cannot be written.
        """
        with naming(folder), scratch_folder() as scratch:
            place = Path(expand_home(folder))
            place.mkdir(parents=True, exist_ok=True)
            self._tokenizer.save_pretrained(scratch)
            for file in sorted(Path(scratch).iterdir()):
                write_bytes(place / file.name, file.read_bytes())

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False, verbose=False))


def _load(name: str) -> Any:
    # transformers takes a second to import, which users of the symbolic vocabulary need not wait for.
    with without_warnings():  # it misses torch, which is not needed
        from transformers import AutoTokenizer, RobertaTokenizer

    with naming(f"tokenizer {name!r}"):
        folder = Path(expand_home(name))
        is_folder = folder.is_dir()
        files = {path.name for path in folder.iterdir()} if is_folder else set()
        for file in sorted(files & _JSON_FILES):
            with naming(file):
                if not isinstance(read_json(folder / file), dict):
                    raise UserError("a JSON object is expected")
    # Without a configuration file AutoTokenizer cannot tell which tokenizer the two files belong to.
    is_bare = {"vocab.json", "merges.txt"} <= files and not files & {_TOKENIZER, "tokenizer_config.json"}
    reader = RobertaTokenizer if is_bare else AutoTokenizer
    try:
        with without_warnings():
            tokenizer = reader.from_pretrained(str(folder) if is_folder else name)
    # Damaged files raise errors of any kind, of tokenizers' Rust a plain Exception.
    except Exception as error:
        reason = "neither a folder nor found on the Hugging Face hub"
        if is_folder and files & {_TOKENIZER, "vocab.json"}:
            damaged = _TOKENIZER if _TOKENIZER in files else "vocab.json or merges.txt"
            reason = f"{damaged}: is of no tokenizer that can be read: {one_line(error)}"
        elif is_folder:
            reason = "the folder holds no tokenizer (tokenizer.json, or vocab.json and merges.txt)"
        raise ValueError(f"tokenizer {name!r}: {reason}") from error
    if is_bare:
        sentinels = [f"<extra_id_{number}>" for number in reversed(range(_NUM_SENTINELS))]
        tokenizer.add_tokens(sentinels, special_tokens=True)
    return tokenizer
