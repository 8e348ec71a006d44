"""Growing programs: mutants, or random ones, as many as are wanted."""
