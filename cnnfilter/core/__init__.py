"""Arrays in, arrays out: what every operation computes. No files, no terminal."""
