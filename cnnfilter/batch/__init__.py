"""Many files: what is to be done with each is planned first, then done one after the other."""
