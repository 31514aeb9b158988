"""Colors, fonts and sizes shared by charts and tables; kept apart from `theme` to avoid loading Altair."""

# Okabe and Ito (2008), distinguishable with any common color blindness.
BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, YELLOW, BLACK = PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#000000",
)  # fmt: skip
INK, MUTED, FAINT, STRIPE = "#222222", "#5F6368", "#D9DCE0", "#F5F6F8"

# Liberation Sans and Arimo have Arial's widths, so that a layout fits each of them.
FONT = "Arial, Helvetica, 'Liberation Sans', Arimo, sans-serif"
TEXT_SIZE, SMALL_SIZE, TITLE_SIZE = 12, 11, 15
