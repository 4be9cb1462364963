"""How far a classifier can tell drawn occluders from real ones, by what their edges look like."""
