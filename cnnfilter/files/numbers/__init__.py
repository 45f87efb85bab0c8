"""Files of numbers: matrices, tables, kernels and weights."""
