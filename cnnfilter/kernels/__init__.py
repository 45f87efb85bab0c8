"""Kernels: the named ones, and reading them from text."""
