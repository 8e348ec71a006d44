"""Parses calls of one program as it would, without running it.

Standard input is a JSON list of lists of arguments; the answer is a list of what is wrong with each of them.
"""

import contextlib
import importlib
import io
import json
import os
import sys

from codeit_jax.errors import UserError
from codeit_jax.run import command_line, config_flag


def main() -> None:
    program = importlib.import_module(f"launch.{sys.argv[1]}")
    print(json.dumps([told(program, arguments) for arguments in json.load(sys.stdin)]))


def told(program, arguments):
    """What is said of arguments by a process of their own, for flags can be parsed once."""
    reading, writing = os.pipe()
    if not os.fork():
        os.write(writing, problem(program, arguments).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as answer:
        text = answer.read()
    os.wait()
    return text


def problem(program, arguments):
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            command_line._parse_flags([program.__name__, *arguments])
            if hasattr(program, "_CONFIG"):
                config_flag.read_config(program._CONFIG)
    except SystemExit:
        return errors.getvalue() or "the program would end"
    except UserError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
