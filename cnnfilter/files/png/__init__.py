"""What Pillow loses of a PNG: 16-bit colour, exact transparency, frames of an animation."""
