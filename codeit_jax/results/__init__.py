"""What programs answer tasks with, and what that is worth by the rules in use."""
