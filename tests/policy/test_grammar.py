"""The grammar admits the programs that parse, as the tokenizer spells them, and every one that fits."""

import itertools
import json
import random

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from codeit_jax.dsl import load_training_programs, parse_program
from codeit_jax.dsl.constants import CONSTANTS
from codeit_jax.dsl.program import Call, Program
from codeit_jax.dsl.signatures import SIGNATURES
from codeit_jax.mutation.random_program import random_program
from codeit_jax.policy.grammar_tables import MAX_ARITY, build_grammar
from codeit_jax.policy.presets import T5Config
from codeit_jax.policy.sampling import sample
from codeit_jax.policy.spelling import Slot, pieces
from codeit_jax.policy.symbolic import SymbolicTokenizer
from codeit_jax.policy.t5 import T5
from codeit_jax.policy.tokenizers import HuggingFaceTokenizer

MAX_LENGTH = 60


def write_code_tokenizer(folder):
    """A byte-level byte-pair encoding with RoBERTa's pieces that merges some of the language's words."""
    from tokenizers import pre_tokenizers

    byte_tokens = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["Ġ" + name for name in sorted(SIGNATURES)[::3]] + sorted(CONSTANTS)[::2]
    words += ["irror", "object", "Ġx", "Ġ=", "10", "11", "Ġfi"]
    merges, known = [], set(byte_tokens)
    for word in words:
        for end in range(2, len(word) + 1):
            if word[:end] not in known:
                known.add(word[:end])
                merges.append((word[: end - 1], word[end - 1]))
    tokens = ["<pad>", "<s>", "</s>", "<unk>", "<mask>", *byte_tokens, *("".join(pair) for pair in merges)]
    folder.mkdir()
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *map(" ".join, merges)]))
    return str(folder)


@pytest.fixture(scope="module", params=["symbolic", "code"])
def tokenizer(request, tmp_path_factory):
    if request.param == "symbolic":
        return SymbolicTokenizer()
    return HuggingFaceTokenizer(write_code_tokenizer(tmp_path_factory.mktemp("tokenizer") / "code"))


class Oracle:
    """What may follow some tokens, by trying every piece; a state is what is written of a line, and the rest
    of a piece that is begun.
    """

    START = frozenset({((None, 1, False, 0, 0), ())})

    def __init__(self, tokenizer, max_lines=200):
        self.tokenizer = tokenizer
        self.max_lines = max_lines
        self.names = [*SIGNATURES, *CONSTANTS, "I"]
        self.spelled = {}
        self.first, self.other = (
            min(len(self.spell(slot, name)) for name in self.names)
            for slot in (Slot.FIRST_ARGUMENT, Slot.ARGUMENT)
        )
        self.call = min(
            len(self.spell(Slot.CALLEE, name)) + self.first + (len(signature.parameters) - 1) * self.other
            for name, signature in SIGNATURES.items()
        )

    def spell(self, slot, name):
        if (slot, name) not in self.spelled:
            self.spelled[slot, name] = tuple(self.tokenizer.spell(slot, name))
        return self.spelled[slot, name]

    def next_pieces(self, context):
        """Yields each piece that may follow, with what is written then."""
        slot, line, is_output, least, most = context
        known = [f"x{number}" for number in range(1, line)]
        arguments = [*self.names, *known]
        if slot is None:
            yield Slot.FIRST_DEFINITION, "O", ("defined", 1, True, 0, 0)
            yield Slot.FIRST_DEFINITION, "x1", ("defined", 1, False, 0, 0)
        elif slot == "defined":
            for name in SIGNATURES:
                arity = len(SIGNATURES[name].parameters)
                yield Slot.CALLEE, name, ("called", line, is_output, arity, arity)
            for name in known:
                yield Slot.CALLEE, name, ("called", line, is_output, 1, MAX_ARITY)
        elif slot == "called":
            for name in arguments:
                yield Slot.FIRST_ARGUMENT, name, ("given", line, is_output, max(0, least - 1), most - 1)
        elif slot == "given":
            if most:
                for name in arguments:
                    yield Slot.ARGUMENT, name, ("given", line, is_output, max(0, least - 1), most - 1)
            if not least and is_output:
                yield Slot.END, "", ("ended", line, True, 0, 0)
            if not least and not is_output:
                yield Slot.DEFINITION, "O", ("defined", line + 1, True, 0, 0)
                if line + 1 < self.max_lines:
                    yield Slot.DEFINITION, f"x{line + 1}", ("defined", line + 1, False, 0, 0)

    def shortest_end(self, context):
        """Returns how many tokens it takes at least to end a program."""
        slot, _, is_output, least, _ = context
        end = len(self.spell(Slot.END, ""))
        line_end = end if is_output else len(self.spell(Slot.DEFINITION, "O")) + self.call + end
        if slot == "ended":
            return 0
        if slot == "defined":
            return self.call + line_end
        if slot == "called":
            return self.first + (least - 1) * self.other + line_end
        return least * self.other + line_end

    def advance(self, states, token):
        after = {(context, rest[1:]) for context, rest in states if rest and rest[0] == token}
        for context, rest in states:
            for slot, name, following in () if rest else self.next_pieces(context):
                ids = self.spell(slot, name)
                if ids[0] == token:
                    after.add((following, ids[1:]))
        return after

    def open_tokens(self, states, left):
        """Returns the tokens after which a program can be ended within what is left."""
        found = {
            rest[0] for context, rest in states if rest and len(rest) + self.shortest_end(context) <= left
        }
        for context, rest in states:
            for slot, name, following in () if rest else self.next_pieces(context):
                ids = self.spell(slot, name)
                if len(ids) + self.shortest_end(following) <= left:
                    found.add(ids[0])
        return found

    def walk(self, rng, max_length):
        """Returns a program's tokens, drawn from those open, and what was open each time.

        The output is assigned no sooner than it must be, in most cases.
        """
        output = {self.spell(Slot.FIRST_DEFINITION, "O")[0]}
        states, tokens, opened = self.START, [], []
        while not tokens or tokens[-1] != self.tokenizer.eos_id:
            opened.append(self.open_tokens(states, max_length - len(tokens)))
            chosen = opened[-1] - output if rng.random() < 0.9 else opened[-1]
            tokens.append(rng.choice(sorted(chosen or opened[-1])))
            states = self.advance(states, tokens[-1])
        return tokens, opened


def opened_along(grammar, programs, max_length):
    """Yields for each program the sets of tokens that the grammar has open before each of its tokens."""
    ids = np.asarray(grammar.token_ids)
    columns = {token: column for column, token in enumerate(ids.tolist())}

    @jax.jit
    def step(state, column, left):
        restricted = grammar.restrict(jnp.zeros(len(ids)), state, left)
        return restricted, grammar.advance(state, column)

    for tokens in programs:
        state, opened = grammar.start(()), []
        for position, token in enumerate(tokens):
            restricted, state = step(state, columns[token], max_length - position)
            opened.append(set(ids[np.isfinite(restricted)].tolist()))
        yield opened


@pytest.mark.parametrize("max_length", [14, 40])
def test_the_open_tokens_are_those_of_the_oracle(tokenizer, max_length):
    rng = random.Random(max_length)
    oracle = Oracle(tokenizer)
    walks = [oracle.walk(rng, max_length) for _ in range(12)]
    programs, expected = zip(*walks, strict=True)
    assert max(map(len, programs)) > max_length - 4
    grammar = build_grammar(tokenizer, max_length)
    assert list(opened_along(grammar, programs, max_length)) == list(expected)


def test_every_program_is_admitted(tokenizer):
    rng = random.Random(1)
    programs = [*load_training_programs().values(), *(random_program(rng) for _ in range(50))]
    limit = 400
    short = sorted((tokenizer.encode_program(str(program)).tolist() for program in programs), key=len)
    short = [tokens for tokens in short if len(tokens) <= limit][::8]
    assert len(short) > 30
    grammar = build_grammar(tokenizer, limit)
    for tokens, opened in zip(short, opened_along(grammar, short, limit), strict=True):
        assert all(token in found for token, found in zip(tokens, opened, strict=True))


def test_pieces_spell_programs(tokenizer):
    for program in load_training_programs().values():
        spelled = [token for piece in pieces(program) for token in tokenizer.spell(*piece)]
        assert spelled == tokenizer.encode_program(str(program)).tolist()


@pytest.mark.parametrize("max_length", [12, MAX_LENGTH])
def test_all_samples_of_random_weights_parse(tokenizer, max_length):
    shape = T5Config(
        vocab_size=tokenizer.vocabulary_size + 3,
        d_model=16,
        d_kv=8,
        d_ff=16,
        num_encoder_layers=1,
        num_decoder_layers=1,
        num_heads=2,
        tie_word_embeddings=False,
    )
    graphdef, params = nnx.split(T5(shape, rngs=nnx.Rngs(0)))
    if isinstance(tokenizer, HuggingFaceTokenizer):
        max_length += 10
    rng = np.random.default_rng(0)
    drawn = sample(
        graphdef,
        params,
        rng.integers(2, tokenizer.vocabulary_size, (8, 12)),
        np.ones((8, 12), bool),
        jax.random.split(jax.random.key(0), 8),
        num_samples=40,
        max_length=max_length,
        temperature=0.95,
        eos_id=tokenizer.eos_id,
        constraint=build_grammar(tokenizer, max_length),
    )
    texts = set()
    for tokens, length in zip(
        np.asarray(drawn.tokens).reshape(-1, max_length), np.ravel(drawn.lengths), strict=True
    ):
        text = tokenizer.decode_program(tokens)
        assert str(parse_program(text)) == text
        assert tokenizer.encode_program(text).tolist() == tokens[:length].tolist()
        texts.add(text)
    assert len(texts) > 200
    if max_length == MAX_LENGTH:
        assert max(len(text.splitlines()) for text in texts) > 1


def small_programs(max_length):
    """All programs of a small language that fit, as the symbolic tokenizer's tokens."""
    tokenizer = SymbolicTokenizer()
    arities = {"vmirror": 1, "hconcat": 2}

    def lines(count):
        known = [f"x{number}" for number in range(1, count)]
        for name in (*arities, *known):
            counts = [arities[name]] if name in arities else range(1, MAX_ARITY + 1)
            for number in counts:
                for arguments in itertools.product([*arities, "ONE", "I", *known], repeat=number):
                    yield Call(name, arguments)

    for count in (1, 2):
        for calls in itertools.product(*(lines(line) for line in range(1, count + 1))):
            tokens = tokenizer.encode_program(str(Program(calls)))
            if len(tokens) <= max_length:
                yield tuple(tokens.tolist())


def test_samples_are_drawn_from_the_policy_renormalised():
    max_length, vocabulary = 8, SymbolicTokenizer().vocabulary_size
    everything = list(small_programs(max_length))
    followers = {}
    for tokens in everything:
        for end in range(len(tokens)):
            followers.setdefault(tokens[:end], set()).add(tokens[end])
    shape = T5Config(vocabulary, 16, 8, 16, 1, 1, 2, tie_word_embeddings=False, initializer_factor=2.0)
    graphdef, params = nnx.split(T5(shape, rngs=nnx.Rngs(1)))
    prompt = np.array([[5, 9, 700]])
    temperature, num_samples = 0.8, 4000
    drawn = sample(
        graphdef,
        params,
        prompt,
        np.ones(prompt.shape, bool),
        jax.random.split(jax.random.key(3), 1),
        num_samples=num_samples,
        max_length=max_length,
        temperature=temperature,
        eos_id=1,
        constraint=build_grammar(
            SymbolicTokenizer(),
            max_length,
            primitives={"vmirror": 1, "hconcat": 2},
            constants=["ONE"],
            max_lines=2,
        ),
    )
    tokens = np.asarray(drawn.tokens)[0]
    programs = [tuple(row[:length].tolist()) for row, length in zip(tokens, drawn.lengths[0], strict=True)]
    assert set(programs) <= set(everything)
    distinct = sorted(set(programs))
    padded = np.array([[*program, *[0] * (max_length - len(program))] for program in distinct])
    logits = jax.jit(lambda ids: nnx.merge(graphdef, params)(*ids, prompt_mask=np.ones(ids[0].shape, bool)))(
        (prompt.repeat(len(padded), axis=0), np.pad(padded[:, :-1], ((0, 0), (1, 0))))
    )
    expected = {}
    for program, row in zip(distinct, np.asarray(logits, np.float64) / temperature, strict=True):
        expected[program] = sum(
            row[position, token] - np.log(np.exp(row[position, sorted(followers[program[:position]])]).sum())
            for position, token in enumerate(program)
        )
    np.testing.assert_allclose(
        drawn.log_probabilities[0], [expected[program] for program in programs], atol=1e-4
    )
    probabilities = np.exp([expected[program] for program in distinct])
    counts = np.array([programs.count(program) for program in distinct])
    likely = probabilities * num_samples > 10
    assert likely.sum() >= 5
    deviations = (counts - probabilities * num_samples) / np.sqrt(num_samples * probabilities)
    assert np.abs(deviations[likely]).max() < 4.5


def test_a_length_that_no_program_fits_is_refused():
    assert build_grammar(SymbolicTokenizer(), 4)
    with pytest.raises(ValueError, match="no program fits into 3 tokens; the shortest takes 4"):
        build_grammar(SymbolicTokenizer(), 3)


def test_a_tokenizer_that_does_not_cut_at_names_is_refused():
    class Whole(SymbolicTokenizer):
        def encode_program(self, text):
            return np.array([5, 1], np.int32)

    with pytest.raises(ValueError, match="cuts programs at their names"):
        build_grammar(Whole(), 60)
