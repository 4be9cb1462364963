"""Pictures of a run and of an evaluation, in one style."""
