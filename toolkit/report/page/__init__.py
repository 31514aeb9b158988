"""The page of a report: cells, figures and tables of an executed notebook as one self-contained HTML file."""
