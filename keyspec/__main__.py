"""`python -m keyspec` is the command `keyspec`."""

from keyspec.cli import run

if __name__ == "__main__":
    run()
