"""More inputs for the same programs."""
