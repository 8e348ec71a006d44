"""The policy: a T5 encoder-decoder that reads an ARC task and writes a program of the language."""
