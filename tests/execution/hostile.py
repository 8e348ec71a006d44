"""Programs that ask for far more than they may have, and a script that runs them one after another.

Each line printed is a JSON object: the program's name, how it ended, and the processor seconds that took.
"""

import json
import sys
import time

from codeit_jax.dsl.program import parse_program
from codeit_jax.execution import Evaluator

# A grid of the largest size, with objects of several colours.
GRID = tuple(tuple((i * j) % 7 if (i + j) % 3 else 0 for j in range(30)) for i in range(30))


def lines(*calls: str) -> str:
    """Returns the program that makes these calls; `{}` in one stands for the variable of the call before."""
    texts = [call.replace("{}", f"x{line - 1}") for line, call in enumerate(calls, start=1)]
    names = [f"x{line}" for line in range(1, len(texts))] + ["O"]
    return "\n".join(f"{name} = {text}" for name, text in zip(names, texts, strict=True))


THOUSAND = ("multiply(TEN, TEN)", "multiply(x1, TEN)")  # assigns x2
MILLION = (*THOUSAND, "multiply(x2, x2)")  # assigns x3
THIRTY_THOUSAND = ("multiply(TEN, TEN)", "multiply(x1, x1)", "multiply(x2, THREE)")  # assigns x3
WIDE = (*MILLION, "astuple(x3, x3)")  # assigns x4
FAR_APART = (*WIDE, "initset(ORIGIN)", "insert(x4, x5)")  # assigns x6: two locations a million rows apart


def doubled(first: str, call: str, times: int, *rest: str) -> str:
    """Returns a program that repeats a call on what the one before gave."""
    return lines(first, *[call] * times, *rest)


def side_by_side(first: str, second: str, times: int, *calls: str) -> list[str]:
    """Returns the calls that carry two values, assigned by the variables named, through the same steps."""
    texts = []
    line = 3
    for _ in range(times):
        for call in calls:
            texts += [call.replace("{}", first), call.replace("{}", second)]
            first, second = f"x{line}", f"x{line + 1}"
            line += 2
    return texts


HOSTILE = {
    "giant canvas": lines(*WIDE, "canvas(ZERO, x4)"),
    "canvas without rows but a width": lines(*MILLION, "astuple(ONE, x3)", "canvas(ZERO, {})"),
    "canvas of a negative height": lines(*MILLION, "invert(x3)", "astuple(x4, x4)", "canvas(ZERO, {})"),
    "upscale": lines(*THOUSAND, "upscale(I, x2)"),
    "upscale of an object": lines(*THOUSAND, "asobject(I)", "upscale({}, x2)"),
    "upscale again and again": doubled("upscale(I, TEN)", "upscale({}, TEN)", 10),
    "hupscale": lines(*MILLION, "hupscale(I, x3)"),
    "vupscale": lines(*MILLION, "vupscale(I, x3)"),
    "hupscale of rows in a set": lines(*MILLION, "totuple(I)", "initset({})", "hupscale(x5, x3)"),
    "hsplit": lines(*MILLION, "hsplit(I, x3)"),
    "vsplit": lines(*MILLION, "vsplit(I, x3)"),
    "repeat": lines(*MILLION, "repeat(I, x3)"),
    "repeat of repeat": doubled("repeat(ZERO, TEN)", "repeat({}, TEN)", 12),
    "interval": lines(*MILLION, "interval(ZERO, x3, ONE)"),
    "interval down": lines(*MILLION, "interval(x3, ZERO, NEG_ONE)"),
    "power of identity": lines(*MILLION, "power(identity, x3)", "{}(I)"),
    "power of powers": lines(
        *THOUSAND, "power(identity, x2)", "power(x3, x2)", "power(x4, x2)", "power(x5, x2)", "{}(I)"
    ),
    "power of a tower": lines("rbind(power, TEN)", *["compose(x1, {})"] * 40, "{}(identity)", "{}(I)"),
    "power of double": lines(*THOUSAND, "power(double, x2)", "{}(ONE)"),
    "multiply again and again": doubled("multiply(TEN, TEN)", "multiply({}, {})", 60),
    "add again and again": doubled("add(TEN, TEN)", "add({}, {})", 60),
    "crement of a power": lines(*MILLION, "power(crement, x3)", "{}(x3)"),
    "astuple doubled": doubled("astuple(I, I)", "astuple({}, {})", 40),
    "astuple doubled in a set": doubled("astuple(ONE, ONE)", "astuple({}, {})", 60, "initset({})"),
    "combine doubled": doubled("combine(I, I)", "combine({}, {})", 60),
    "vconcat doubled": doubled("vconcat(I, I)", "vconcat({}, {})", 60),
    "hconcat doubled": doubled("hconcat(I, I)", "hconcat({}, {})", 60),
    "product doubled": doubled("product(I, I)", "product({}, {})", 60),
    "product of indices": lines("asindices(I)", "product({}, {})"),
    "prapply of indices": lines("asindices(I)", "prapply(astuple, {}, {})"),
    "pair doubled": doubled("pair(I, I)", "pair({}, {})", 60),
    "merge of a heavy tuple": lines("repeat(I, TEN)", *["repeat({}, TEN)", "merge({})"] * 20),
    "weight behind light items": lines(
        "palette(I)", *["astuple({}, {})", "insert({}, x1)"] * 30, "rbind(add, {})", "initset({})"
    ),
    "weight behind light items, compared": lines(
        "palette(I)",
        "insert(TEN, x1)",
        *side_by_side("x1", "x2", 25, "astuple({}, {})", "insert({}, x2)", "remove(TEN, {})"),
        "equality(x151, x152)",
    ),
    "double of a grid": doubled("double(I)", "double({})", 60),
    "double of pairs": doubled("astuple(I, I)", "double({})", 60),
    "multiply of a grid": lines(*MILLION, "multiply(x3, x3)", "multiply(x3, I)", "{}(I)"),
    "multiply of grids": lines(*MILLION, "multiply(x2, x2)", "astuple(I, I)", "multiply(x3, {})"),
    "add of pairs": doubled("astuple(I, I)", "add({}, {})", 60),
    "shift of pairs": lines(
        "astuple(I, I)",
        "astuple(ZERO, {})",
        "initset({})",
        "compose(last, first)",
        "fork(shift, identity, {})",
        "power({}, TEN)",
        "power({}, TEN)",
        "{}(x3)",
    ),
    "colours that are grids": lines(
        "initset(UNITY)", "fill(I, I, x1)", *["replace({}, ZERO, {})"] * 8, "initset({})"
    ),
    "canvas of grids": doubled("canvas(I, THREE_BY_THREE)", "canvas({}, THREE_BY_THREE)", 20, "initset({})"),
    "canvas filled with itself": lines(
        "asindices(I)", "fill(I, I, x1)", *["fill(I, {}, x1)"] * 6, "initset({})"
    ),
    "underfill with itself": lines(
        "asindices(I)", "underfill(I, I, x1)", *["underfill(I, {}, x1)"] * 6, "initset({})"
    ),
    "switch with itself": lines("switch(I, ZERO, I)", *["switch(I, ZERO, {})"] * 6, "initset({})"),
    "recolour by a grid": lines(
        "asindices(I)", "recolor(I, x1)", *["totuple({})", "recolor({}, x1)"] * 6, "initset({})"
    ),
    "cellwise with itself": lines(
        "rot90(I)", "cellwise(I, x1, I)", *["cellwise(I, x1, {})"] * 6, "initset({})"
    ),
    "frontier of a grid": lines(
        "toivec(I)", "tojvec(I)", *["vfrontier({})", "totuple({})", "tojvec({})"] * 8, "initset({})"
    ),
    "paint of grids": lines(
        "asindices(I)",
        "recolor(I, x1)",
        "paint(I, {})",
        *["recolor({}, x1)", "paint(I, {})"] * 6,
        "initset({})",
    ),
    "copies of a heavy tuple": lines(
        "repeat(I, NINE)",
        "repeat({}, TEN)",
        "repeat({}, ONE)",
        "repeat({}, ONE)",
        *["combine({}, {})"] * 14,
        "initset({})",
    ),
    "concatenated heavy rows": lines(
        "repeat(I, NINE)",
        "repeat({}, TEN)",
        "repeat({}, ONE)",
        "repeat({}, ONE)",
        *["vconcat({}, {})"] * 14,
        "initset({})",
    ),
    "upscaled heavy rows": lines(
        "repeat(I, NINE)",
        "repeat({}, TEN)",
        "repeat({}, ONE)",
        "repeat({}, ONE)",
        "multiply(TEN, TEN)",
        "upscale(x4, {})",
        "initset({})",
    ),
    "hupscaled heavy rows": lines(
        "repeat(I, NINE)",
        "repeat({}, TEN)",
        "repeat({}, ONE)",
        "repeat({}, ONE)",
        "multiply(TEN, TEN)",
        "multiply({}, TEN)",
        "hupscale(x4, {})",
        "initset({})",
    ),
    "compose doubled": doubled("compose(identity, identity)", "compose({}, {})", 40, "{}(I)"),
    "chain trebled": doubled("chain(identity, identity, identity)", "chain({}, {}, {})", 30, "{}(I)"),
    "fork doubled": doubled("fork(astuple, identity, identity)", "compose({}, {})", 20, "{}(I)"),
    "fork nested": doubled("fork(astuple, identity, identity)", "fork(astuple, {}, {})", 40, "{}(I)"),
    "compose doubled, then hashed": doubled(
        "compose(identity, identity)", "compose({}, {})", 60, "initset({})"
    ),
    "composed for ever": lines(
        *MILLION, "lbind(compose, increment)", "power({}, x3)", "{}(increment)", "{}(ONE)"
    ),
    "composed a thousand deep": lines(
        *THOUSAND, "lbind(compose, identity)", "power({}, x2)", "{}(identity)", "{}(I)"
    ),
    "nested ten thousand deep": lines(*THOUSAND, "multiply(x2, TEN)", "power(initset, {})", "{}(ZERO)"),
    "nested a thousand deep": lines(*THOUSAND, "power(initset, {})", "{}(ZERO)"),
    "nested tuples a thousand deep": lines(*THOUSAND, "rbind(repeat, ONE)", "power({}, x2)", "{}(ZERO)"),
    "applied to itself": lines("fork(apply, identity, initset)", "{}({})"),
    "applied to itself by rapply": lines("fork(rapply, initset, identity)", "{}({})"),
    "applied to itself by argmax": lines("fork(argmax, initset, identity)", "{}({})"),
    "applied to itself by mapply": lines("fork(mapply, identity, initset)", "{}({})"),
    "applied to itself by valmax": lines("fork(valmax, initset, identity)", "{}({})"),
    "applied to itself by sfilter": lines("fork(sfilter, initset, identity)", "{}({})"),
    "applied to itself by order": lines("fork(order, initset, identity)", "{}({})"),
    "applied to itself twice": lines("fork(apply, identity, initset)", "fork(combine, x1, x1)", "{}({})"),
    "applied to itself and all": lines("fork(mapply, identity, initset)", "fork(combine, {}, {})", "{}({})"),
    "rbind of rbind": lines("rbind(rbind, rbind)", *["rbind({}, {})"] * 40, "{}(I)"),
    "lbind of apply": lines("lbind(apply, identity)", "lbind(apply, {})", "lbind(apply, {})", "{}(I)"),
    "nested apply": lines(
        "asindices(I)",
        "lbind(rapply, x1)",
        "rbind(apply, x1)",
        "lbind(lbind, contained)",
        "rbind(sfilter, identity)",
        "lbind(mapply, identity)",
        "fork(prapply, identity, identity)",
        "prapply(intersection, x1, x1)",
    ),
    "loops in loops": lines(
        *THOUSAND,
        "interval(ZERO, x2, ONE)",
        "rbind(apply, x3)",
        "lbind(rbind, add)",
        "fork(apply, x5, x3)",
        "lbind(lbind, add)",
        "compose(x4, x5)",
        "compose(size, x8)",
        "apply(x9, x3)",
    ),
    "backdrop of far cells": lines(*FAR_APART, "backdrop(x6)"),
    "box of far cells": lines(*FAR_APART, "box(x6)"),
    "inbox of far cells": lines(*FAR_APART, "inbox(x6)"),
    "outbox of far cells": lines(*FAR_APART, "outbox(x6)"),
    "delta of far cells": lines(*FAR_APART, "delta(x6)"),
    "backdrop of a shifted object": lines(
        *WIDE, "asobject(I)", "shift({}, x4)", "combine(x5, x6)", "backdrop({})", "fill(I, ONE, {})"
    ),
    "connect far points": lines(*WIDE, "connect(ORIGIN, x4)"),
    "shoot far": lines(*WIDE, "shoot(ORIGIN, x4)"),
    "gravitate from afar": lines(*WIDE, "asindices(I)", "shift({}, x4)", "gravitate(x5, x6)"),
    "manhattan of large sets": lines(
        *WIDE, "asindices(I)", "upscale(I, FIVE)", "asindices({})", "shift({}, x4)", "manhattan(x7, {})"
    ),
    "manhattan again and again": lines(
        "upscale(I, FIVE)",
        "asindices({})",
        "shift(x2, UNITY)",
        "lbind(manhattan, x2)",
        "interval(ZERO, TEN, ONE)",
        "repeat(x3, TEN)",
        "repeat({}, TEN)",
        "merge({})",
        "apply(x4, {})",
    ),
    "gravitate of large sets": lines(
        "upscale(I, FIVE)",
        "asindices({})",
        "shift(x2, UNITY)",
        "gravitate(x2, x3)",
    ),
    "occurrences of everything": lines(
        "canvas(ZERO, THREE_BY_THREE)",
        "upscale({}, TEN)",
        "upscale(I, SIX)",
        "replace({}, ONE, ONE)",
        "canvas(ZERO, THREE_BY_THREE)",
        "upscale({}, TEN)",
        "upscale({}, SIX)",
        "upscale(x2, THREE)",
        "asobject({})",
        "occurrences(x7, {})",
    ),
    "occurrences in ragged rows": lines(
        "upscale(I, SIX)",
        "interval(ZERO, NINE, ONE)",
        "repeat({}, ONE)",
        "combine(x1, {})",
        "asobject(I)",
        "occurrences(x4, x5)",
    ),
    "period of a long line": lines(
        *MILLION, "astuple(ZERO, x3)", "initset(ORIGIN)", "insert(x4, {})", "recolor(ONE, {})", "hperiod({})"
    ),
    "period of a line with another end": lines(
        *THIRTY_THOUSAND,
        "toivec(x3)",
        "connect(ORIGIN, {})",
        "recolor(ONE, {})",
        "astuple(TWO, x4)",
        "insert({}, x6)",
        "vperiod({})",
    ),
    "gravitate of long lines": lines(
        *THIRTY_THOUSAND, "toivec(x3)", "connect(ORIGIN, {})", "gravitate(x5, x5)"
    ),
    "rows behind an empty one": lines(
        "interval(ZERO, ZERO, ONE)", "repeat({}, ONE)", *["vconcat({}, {})"] * 60
    ),
    "functions of a heavy value": lines(
        "repeat(I, NINE)", "repeat({}, TEN)", *["rbind(equality, x2)", "initset({})"] * 30
    ),
    "inserted a thousand times": lines(
        "repeat(I, NINE)",
        "repeat({}, TEN)",
        "multiply(TEN, TEN)",
        "multiply({}, TEN)",
        "lbind(insert, x2)",
        "power({}, x4)",
        "palette(I)",
        "x6({})",
    ),
    "sought a thousand times": lines(
        "repeat(I, NINE)",
        "repeat({}, TEN)",
        "multiply(TEN, TEN)",
        "multiply({}, TEN)",
        "lbind(contained, x2)",
        "initset(ORIGIN)",
        "repeat({}, x4)",
        "apply(x5, {})",
    ),
    "period of a wide object": lines(
        "multiply(TEN, TEN)",
        "multiply({}, THREE)",
        "multiply({}, TEN)",
        "astuple(TWO, x3)",
        "canvas(ZERO, {})",
        "asobject({})",
        "insert(x6, x6)",
        "hperiod(x6)",
    ),
    "neighbours grown": doubled("asindices(I)", "mapply(neighbors, {})", 60),
    "frontiers grown": doubled("asindices(I)", "mapply(vfrontier, {})", 60),
    "objects of a large grid": lines("upscale(I, SIX)", *["objects(x1, T, T, F)"] * 60, "first({})"),
    "power of rot90": lines(*MILLION, "upscale(I, SIX)", "power(rot90, x3)", "{}(x4)"),
    "power of objects": lines(
        *MILLION,
        "rbind(lbind, I)",
        "power(dmirror, x3)",
        "{}(I)",
    ),
    "power of a set": lines("asindices(I)", *["initset({})"] * 20, "power(identity, {})"),
    "error that would quote a set": lines(
        "asindices(I)", "partition(I)", "astuple({}, {})", "power(identity, {})"
    ),
    "order of sets": lines("asindices(I)", "product({}, I)", "order({}, identity)"),
    "first of sets of sets": lines(
        "asindices(I)",
        "apply(initset, {})",
        "apply(initset, {})",
        *["combine({}, x2)"] * 5,
        "totuple({})",
        "merge({})",
    ),
    "repeated sorting": lines(
        "asindices(I)",
        "initset({})",
        "rbind(apply, x1)",
        "lbind(repeat, x2)",
        "{}(TEN)",
        "apply(totuple, {})",
    ),
    "large numbers in a hash": lines(*MILLION, "power(double, x3)", "compose(initset, {})", "{}(THREE)"),
    "divide by nothing": lines("divide(ONE, ZERO)"),
    "call of a number": lines("add(ONE, ONE)", "{}(I)"),
    "vconcat of everything": lines("repeat(I, TEN)", "merge({})", *["repeat({}, TEN)", "merge({})"] * 10),
}


def main() -> None:
    """Runs all programs, printing a line before each and after it, so that a hang has a name."""
    evaluator = Evaluator()
    for name, text in HOSTILE.items():
        print(json.dumps({"begins": name}), flush=True)
        program = parse_program(text)
        begun = time.process_time()
        outcome = evaluator.run(program, GRID)
        seconds = time.process_time() - begun
        end = {"name": name, "status": outcome.status, "error": outcome.error, "cost": outcome.cost}
        print(json.dumps(end | {"seconds": seconds}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
