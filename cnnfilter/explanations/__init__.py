"""What happens at one value: its window, products and sum, and what of the image it sees."""
