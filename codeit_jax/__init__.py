"""CodeIt on JAX."""
