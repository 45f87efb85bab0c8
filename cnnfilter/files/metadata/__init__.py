"""Metadata of pictures: what is read, kept, and left out with a note."""
