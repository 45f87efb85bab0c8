"""``python -m cnnfilter``."""

from cnnfilter.cli import main

if __name__ == "__main__":
    main()
