"""Sweeps: files in W&B's format, trials here by Optuna, and what they found."""
