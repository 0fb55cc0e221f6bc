"""A small simulated world with a known truth, and the tiny models that live in it. Only evaluation reads the truth."""
