"""Occlusion maps of verification by a protocol: which pairs, their scores, thresholds, measures, files and pictures."""
