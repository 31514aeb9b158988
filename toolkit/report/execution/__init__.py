"""Execution of notebooks: kernels that stay warm, end with their parent, and run one report at a time."""
