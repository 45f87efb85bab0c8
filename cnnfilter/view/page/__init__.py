"""A page that shows a pipeline step by step: Python that gathers, scripts that compute and draw."""
