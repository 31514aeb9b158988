"""Tables and charts as files: Word, Excel, LaTeX, HTML, Markdown, CSV; SVG, PDF, PNG."""

from toolkit.display.export.destinations import Saved as Saved
from toolkit.display.export.destinations import save as save
from toolkit.display.export.destinations import save_all as save_all
