"""`python -m deepen` is the command line."""

from deepen.cli import main

if __name__ == "__main__":
    main()
