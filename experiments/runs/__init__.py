"""The graph of runs: what is to be run, what it depends on, what is there already, and how the rest is run."""
