"""The Flower ClientApp: local training, evaluation and private state."""
