"""Growing training programs: typed mutation, and mutated training tasks."""
