"""Shorter programs that still solve their tasks."""
