"""Searching: every program on every task, and what becomes of the best."""
