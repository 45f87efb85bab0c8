"""Formats whose codecs come with an extra."""
