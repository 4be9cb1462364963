"""Runs of the systems: what their configurations are made of."""
