"""Tables and charts as files: Word, Excel, PDF, LaTeX, HTML, Markdown, CSV; SVG, PDF, PNG."""
