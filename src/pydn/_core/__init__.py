"""The compiled layer: nothing outside it sees a pointer."""
