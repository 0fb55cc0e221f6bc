"""How strongly voters prefer the chosen side of stored pairs, and what follows for the pair. Trains nothing."""
