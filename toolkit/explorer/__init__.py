"""Explore a study by hand in JupyterLab and IPython."""
