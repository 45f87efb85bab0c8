"""Layers: what each operation means, and how it is computed."""
