"""How good, how diverse and how consistent a model's samples are, by the papers' protocols; and whether it listens."""
