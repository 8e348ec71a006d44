"""Suites that time this package beside a peer, in one run."""
