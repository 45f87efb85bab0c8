"""Pictures that Pillow reads and writes."""
