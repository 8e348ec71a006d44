"""Running programs on the host: an evaluator with deterministic budgets, and a pool of worker processes."""

from codeit_jax.config.budget import Budget
from codeit_jax.execution.evaluator import Evaluator, run
from codeit_jax.execution.graph import GraphRun, ProgramGraph
from codeit_jax.execution.outcome import Outcome, Status
from codeit_jax.execution.pool import ExecutionPool

__all__ = ["Budget", "Evaluator", "ExecutionPool", "GraphRun", "Outcome", "ProgramGraph", "Status", "run"]
