"""What this package does on an accelerator, within minutes."""
