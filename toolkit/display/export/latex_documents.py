"""Write a table in LaTeX, as a file that compiles on its own and that a manuscript can read."""

import re
from pathlib import Path

from toolkit.display.export.page_layout import Page, Part
from toolkit.display.export.typeset_content import Cell, is_group
from toolkit.display.text import SIMULATED

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
    ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}",
    "[": "{[}", "]": "{]}", "-": "{-}",
    "\u2003": r"\hspace*{1em}", "\u00a0": "~", "\u202f": r"\,", "\u2009": r"\,", "\u2011": "{-}",
    "−": "$-$",
    "–": "{--}", "—": "{---}", "…": r"\ldots{}", "≥": r"$\geq$", "≤": r"$\leq$", "≠": r"$\neq$",
    "≈": r"$\approx$", "×": r"$\times$", "±": r"$\pm$", "→": r"$\rightarrow$", "←": r"$\leftarrow$",
    "°": r"\textdegree{}", "µ": r"\textmu{}", "μ": r"\textmu{}", "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}", "·": r"\textperiodcentered{}", "α": r"$\alpha$", "β": r"$\beta$",
    "χ": r"$\chi$", "‘": "`", "’": "'", "“": "``", "”": "''", "•": r"\textbullet{}",
    "½": r"\textonehalf{}", "¼": r"\textonequarter{}",
}  # fmt: skip
_INSIDE = 3.0  # Of a column's width in mm, the space around its text.
_ALIGN = {"left": r"\raggedright", "center": r"\centering", "right": r"\raggedleft"}
_LANDSCAPE = r"\usepackage{pdflscape}" + "\n"
_PREAMBLE = r"""%% Compiles on its own. A manuscript can also \input it, with the packages below
\makeatletter
\ifx\@nodocument\relax\let\tableends\relax\else\def\tableends{\end{document}}\fi
\makeatother
\ifx\tableends\relax\else
\documentclass[10pt]{article}
\usepackage[%s,margin=%gmm]{geometry}
\ifdefined\Umathchar\usepackage{fontspec}\else\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}\fi
\usepackage{textcomp}
\usepackage{array,booktabs,longtable}
%s\usepackage[singlelinecheck=false,justification=raggedright,labelfont=bf]{caption}
\begin{document}
\fi
%% A character that pdfTeX's fonts lack, by its Unicode number; XeTeX and LuaTeX write it.
\providecommand{\tablesymbol}[1]{\ifdefined\Umathchar\symbol{"#1}\else{[U+#1]}\fi}
"""


def write_latex(page: Page, path: Path) -> None:
    """Write a table as longtables with rules of booktabs; wide ones are on landscape pages."""
    lines = [_PREAMBLE % (page.paper.latex, page.paper.margin, _LANDSCAPE * page.landscape)]
    lines += [r"\begin{landscape}"] * page.landscape
    lines += [r"\begingroup", rf"\fontsize{{{page.size:g}}}{{{page.size * 1.25:g}}}\selectfont"]
    lines += [r"\setlength{\tabcolsep}{1.5mm}\setlength{\LTleft}{0pt}\setlength{\LTright}{\fill}"]
    lines += [r"\renewcommand{\arraystretch}{1.15}"]
    if page.parts[0].content.number.isdigit():
        lines += [rf"\setcounter{{table}}{{{int(page.parts[0].content.number) - 1}}}"]
    for place, part in enumerate(page.parts):
        # A part has the number of the whole table.
        lines += [r"\addtocounter{table}{-1}"] * bool(place)
        lines += _list_lines(part, page.size)
    lines += [r"\endgroup", *[r"\end{landscape}"] * page.landscape, r"\tableends"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def escape_latex(text: str) -> str:
    r"""Escape every character that LaTeX reads as a command, and name those that its fonts may lack.

    Examples
    --------
    >>> escape_latex("5% of $x_1$ & <b>")
    '5\\% of \\$x\\_1\\$ \\& \\textless{}b\\textgreater{}'
    """
    return "".join(_escape_letter(letter) for letter in text if letter >= " " or letter == "\n")


def _escape_letter(letter: str) -> str:
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    # Latin letters up to U+017F are in the fonts of the T1 encoding.
    return letter if ord(letter) < 0x180 else rf"\tablesymbol{{{ord(letter):X}}}"


def _list_lines(part: Part, size: float) -> list[str]:
    content = part.content
    lines = [rf"\begin{{longtable}}{{{''.join(_declare_columns(part))}}}"]
    lines += [rf"\caption{{{_one_line(content.caption)}}}\\"]
    notes = r"\\ ".join(_write_note(note) for note in content.notes)
    if notes:
        lines += [_across(part, notes) + r"\tabularnewline[2pt]"]
    header = [*_write_header(part), r"\midrule"]
    lines += [r"\toprule", *header, r"\endfirsthead"]
    again = escape_latex("(continued)")
    lines += [_across(part, rf"\textit{{{again}}}") + r"\tabularnewline", r"\toprule"]
    lines += [*header, r"\endhead", r"\bottomrule", r"\endfoot", r"\bottomrule", r"\endlastfoot"]
    grouped = False
    for row in content.body:
        grouped = grouped or is_group(row, content.width)
        lines += _write_row(row, part, indent=grouped)
    lines += [r"\end{longtable}"]
    if content.below:
        small = size - 1
        lines += [rf"\vspace{{-1ex}}{{\fontsize{{{small:g}}}{{{small * 1.25:g}}}\selectfont\raggedright"]
        lines += [rf"\noindent {_write_mark(mark)}{_one_line(text)}\par" for mark, text in content.below]
        lines += ["}"]
    return lines


def _declare_columns(part: Part) -> list[str]:
    return [
        rf">{{{_ALIGN[part.content.align_of(n)]}\hspace{{0pt}}}}p{{{width - _INSIDE - 0.05:.1f}mm}}"
        for n, width in enumerate(part.widths)
    ]


def _write_note(note: str) -> str:
    return rf"\textbf{{{_one_line(note)}}}" if note == SIMULATED else _one_line(note)


def _across(part: Part, text: str) -> str:
    width = sum(part.widths) - _INSIDE - 0.2
    return rf"\multicolumn{{{part.content.width}}}{{p{{{width:.1f}mm}}}}{{\raggedright {text}}}"


def _write_header(part: Part) -> list[str]:
    """Write each row of the header; a head of several rows is in the lowest of them."""
    content = part.content
    rows = len(content.header)
    grid: list[list[Cell | None]] = [[None] * content.width for _ in range(rows)]
    for line, row in enumerate(content.header):
        for cell in row:
            grid[line + cell.rows - 1][cell.column] = cell
    lines = []
    for cells in grid:
        texts, rules, column = [], [], 0
        while column < content.width:
            head = cells[column]
            span = head.columns if head else 1
            if head and span > 1:
                width = sum(part.widths[column : column + span]) - _INSIDE - 0.2
                inside = rf"p{{{width:.1f}mm}}"
                texts.append(rf"\multicolumn{{{span}}}{{>{{\centering}}{inside}}}{{{_bold(head)}}}")
                rules.append(rf"\cmidrule(lr){{{column + 1}-{column + span}}}")
            else:
                texts.append(_bold(head) if head and head.text else "")
            column += span
        lines += [" & ".join(texts) + r" \tabularnewline", *rules]
    return lines


def _bold(cell: Cell) -> str:
    lines = cell.text.split("\n")
    return r"\\ ".join(rf"\textbf{{{escape_latex(line)}}}" for line in lines) + _raise(cell.marks)


def _write_row(row: tuple[Cell, ...], part: Part, *, indent: bool) -> list[str]:
    content = part.content
    if is_group(row, content.width):
        return [_across(part, _bold(row[0])) + r"\tabularnewline*"]
    texts = [""] * content.width
    for cell in row:
        texts[cell.column] = r"\\ ".join(map(escape_latex, cell.text.split("\n"))) + _raise(cell.marks)
    if indent:
        texts[0] = r"\hspace*{1em}" + texts[0]
    return [" & ".join(texts) + r" \tabularnewline"]


def _raise(marks: str) -> str:
    return rf"\textsuperscript{{{escape_latex(marks)}}}" if marks else ""


def _write_mark(mark: str) -> str:
    return _raise(mark) + "~" if mark else ""


def _one_line(text: str) -> str:
    return escape_latex(re.sub(r"\s*\n\s*", " ", text))
