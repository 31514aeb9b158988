"""Open studies on engines: polars lazy frames, DuckDB relations, folders of parquet, Spark data frames."""
