"""Run the command line as `python -m acrux`."""

from acrux.cli.main import main

if __name__ == "__main__":
    main()
