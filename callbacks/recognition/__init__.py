"""Recognition of faces: verification of pairs, identification of probes, and both of unseen identities in a test."""
