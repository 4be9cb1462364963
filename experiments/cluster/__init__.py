"""Runs as jobs of a cluster, submitted through submitit."""
