"""The Flower ServerApp: rounds, checks, aggregation and checkpoints."""
