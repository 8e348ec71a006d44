"""What is fast and what is not: suites that time this package beside a peer, in one run."""
