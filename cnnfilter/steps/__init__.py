"""Steps: operations by name with their arguments, as text, files and Python have them."""
