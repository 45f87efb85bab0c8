"""Netpbm's pictures and PFM."""
