"""Cross-correlation: engines, the choice among them, and the tiles that they work on."""
