"""Training: the loop, what it reports, and who may watch it."""
