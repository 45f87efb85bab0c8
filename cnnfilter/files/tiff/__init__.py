"""TIFF pages, read and written for what they say."""
