"""Comparisons of more than one embedding of each image: several views, and faces that wear others' occluders."""
