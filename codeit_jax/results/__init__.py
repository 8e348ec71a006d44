"""What came of a run: solutions, metrics and how they are shown."""
