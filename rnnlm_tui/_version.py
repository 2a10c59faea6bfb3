"""The name and the version of the program, where every module can import them."""

APP_NAME = "rnnlm-tui"
__version__ = "0.1.0"
