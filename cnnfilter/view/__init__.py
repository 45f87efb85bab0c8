"""Arrays to things that people look at. Nothing is read here, and nothing printed."""
