"""What is compared with what: the protocols by which face recognition is evaluated."""
