"""What people hand over, read with care: paths, text and JSON."""
