"""What every layer computes, in plain numpy and float64: slow, obvious, and independent of the engine's code.

Arrays are (image, channel, row, column). The expected values of the layer tests come from here.
"""
