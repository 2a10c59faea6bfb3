"""A private next-word autocomplete that you train on your own text."""

__version__ = "0.1.0"
