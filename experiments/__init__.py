"""Commands, configurations and benchmarks: the only room that knows all others."""
