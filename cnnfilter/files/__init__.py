"""The only room that knows formats: images, matrices, kernels. Gives plain arrays and names."""
