"""One small network as a whole, its numbers computed by the oracles."""
