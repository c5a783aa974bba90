"""How good a network is: truth to compare with, accuracy, average precision, and files for other evaluators."""
