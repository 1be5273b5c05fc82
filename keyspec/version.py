"""The version, as a literal: reading it from the installed package takes longer than a command should."""

__version__ = "0.1.0"
