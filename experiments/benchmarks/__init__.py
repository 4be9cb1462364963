"""Measurements that a user can repeat; run each with ``python -m experiments.benchmarks.<name>``."""
