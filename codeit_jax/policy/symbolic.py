"""The symbolic tokenizer: a compact vocabulary made of the language's own names, with nothing to download.

A program line is its definition, its callee and its arguments, one token each; punctuation is implied, so
that

    x1 = vmirror(I)
    O = hconcat(x1, I)

is `x1= vmirror I O= hconcat x1 I </s>`. In a prompt a grid's size is two tokens (`6x`, `6`), its background
one, the name of a colour one (`3=`) and a cell two (`1,`, `2`), or one where the cell before it, of the same
colour, is in the same row. So `6x6 background=0 3=1,2 2,1 2,3` is `6x 6 background=0 3= 1, 2 2, 1 3`.

The vocabulary's order is fixed: `<pad>`, `</s>`, then the *program tokens* (definitions `x1=` ... `x199=` and
`O=`, primitives by name, constants by name, `I`, variables `x1` ... `x199`), then the *prompt tokens*
(newline, `|`, rows `1x` ... `30x`, backgrounds, colours, cell rows `0,` ... `29,`, numbers `0` ... `30`).
What a decoder may write is thus a contiguous prefix.
"""

import hashlib
import json
import re
from collections.abc import Sequence

import numpy as np

from codeit_jax.arc.grid import MAX_SIDE, NUM_COLOURS
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import INPUT, OUTPUT, variable
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.policy.prompt import Prompt
from codeit_jax.policy.spelling import MAX_LINES, Slot

_PROGRAM_WORD = re.compile(r"\w+ =|\w+")
_PROMPT_WORD = re.compile(r"(?:background=)?\d+[x,=]?|[^ ]")


class SymbolicTokenizer:
    """Turns prompts and programs into tokens of the symbolic vocabulary and back.

    Attributes:
        tokens: every token's text, by id.
        vocabulary_size: how many tokens there are.
        program_vocabulary_size: how many of them, counted from 0, a program may be written with (`<pad>` and
            `</s>` included).
        pad_id: 0.
        eos_id: 1.
        fingerprint: a hash that two tokenizers share exactly when their vocabularies are equal.
    """

    pad_id = 0
    eos_id = 1

    def __init__(self) -> None:
        program_tokens = _program_tokens()
        self.tokens: tuple[str, ...] = ("<pad>", "</s>", *program_tokens, *_prompt_tokens())
        self.vocabulary_size = len(self.tokens)
        self.program_vocabulary_size = 2 + len(program_tokens)
        self.fingerprint = hashlib.sha256(json.dumps(self.tokens).encode()).hexdigest()
        self._program_ids = {token: 2 + i for i, token in enumerate(program_tokens)}
        self._prompt_ids = {
            token: i for i, token in enumerate(self.tokens) if i >= self.program_vocabulary_size
        }

    def encode_prompt(self, prompt: Prompt, section_length: int) -> np.ndarray:
        """Returns a prompt as int32 ids `[length]`: inputs, newline, outputs, `</s>`.

        Args:
            prompt: a prompt of sparse grid texts.
            section_length: the most tokens that the inputs and the outputs may take each; what is longer is
                cut off at its end.

        Raises:
            ValueError: the prompt is not made of sparse grid texts, or `section_length` is below 1.
        """
        if section_length < 1:
            raise ValueError(f"section_length must be at least 1, got {section_length}")
        ids = [
            *self._section(prompt.inputs, section_length),
            self._prompt_ids["\n"],
            *self._section(prompt.outputs, section_length),
            self.eos_id,
        ]
        return np.array(ids, np.int32)

    def encode_program(self, text: str) -> np.ndarray:
        """Returns a program's canonical text as int32 ids `[length]` that end with `</s>`.

        Raises:
            ValueError: the text names something outside the vocabulary, or is not canonical, so that decoding
                would not give it back.
        """
        words = [word.replace(" ", "") for word in _PROGRAM_WORD.findall(text)]
        try:
            ids = [self._program_ids[word] for word in words]
        except KeyError as error:
            raise ValueError(f"program text: no token for {error.args[0]!r}") from None
        if self._text(ids) != text:
            raise ValueError(f"program text is not canonical: {text!r}")
        return np.array([*ids, self.eos_id], np.int32)

    def spell(self, slot: Slot, name: str) -> list[int]:
        """Returns the ids of a piece of a program.

        Raises:
            ValueError: there is no token for the name.
        """
        if slot is Slot.END:
            return [self.eos_id]
        word = f"{name}=" if slot in (Slot.FIRST_DEFINITION, Slot.DEFINITION) else name
        if word not in self._program_ids:
            raise ValueError(f"program text: no token for {word!r}")
        return [self._program_ids[word]]

    def allowed_ids(self) -> np.ndarray:
        """Returns the ids, int32 `[count]`, that programs may be written with."""
        return np.arange(self.program_vocabulary_size, dtype=np.int32)

    def decode_program(self, ids: Sequence[int] | np.ndarray) -> str:
        """Returns the text of ids `[length]` up to the first `</s>` or `<pad>`.

        Any ids give some text: every definition starts a line, a line that lacks its definition or its callee
        has a gap there, and an id that is no program token is written as `<id>`. Ids that are no program thus
        give a text that does not parse.
        """
        kept = []
        for token in np.asarray(ids).tolist():
            if token in (self.eos_id, self.pad_id):
                break
            kept.append(token)
        return self._text(kept)

    def _section(self, text: str, length: int) -> list[int]:
        ids: list[int] = []
        row = ""
        for word in _PROMPT_WORD.findall(text):
            if word == row:
                continue
            if len(ids) == length:
                break
            if word not in self._prompt_ids:
                raise ValueError(f"prompt text: no token for {word!r}")
            ids.append(self._prompt_ids[word])
            if word[-1] in ",=":  # a colour's first cell names its row again
                row = word
        return ids

    def _text(self, ids: list[int]) -> str:
        lines: list[list[str]] = []
        for token in ids:
            word = self.tokens[token] if 2 <= token < self.program_vocabulary_size else f"<{token}>"
            if word.endswith("="):
                lines.append([word[:-1]])
            elif lines:
                lines[-1].append(word)
            else:
                lines.append(["", word])
        return "\n".join(map(_line_text, lines))


def _line_text(words: list[str]) -> str:
    definition, callee, *arguments = words if len(words) > 1 else (words[0], "")
    return f"{definition} = {callee}({', '.join(arguments)})"


def _program_tokens() -> list[str]:
    variables = [variable(line) for line in range(1, MAX_LINES)]
    definitions = [f"{name}=" for name in (*variables, OUTPUT)]
    return [*definitions, *sorted(SIGNATURES), *sorted(CONSTANTS), INPUT, *variables]


def _prompt_tokens() -> list[str]:
    return [
        "\n",
        "|",
        *(f"{rows}x" for rows in range(1, MAX_SIDE + 1)),
        *(f"background={colour}" for colour in range(NUM_COLOURS)),
        *(f"{colour}=" for colour in range(NUM_COLOURS)),
        *(f"{row}," for row in range(MAX_SIDE)),
        *(str(number) for number in range(MAX_SIDE + 1)),
    ]
