"""Name the colours, fonts and sizes of charts and tables."""

# Okabe and Ito (2008), colours told apart with any common colour blindness.
BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, YELLOW, BLACK = PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#000000",
)  # fmt: skip
INK, MUTED, FAINT, STRIPE = "#222222", "#5F6368", "#D9DCE0", "#F5F6F8"

# Liberation Sans and Arimo have Arial's widths, so that a layout holds on each of them.
FONT = "Arial, Helvetica, 'Liberation Sans', Arimo, sans-serif"
TEXT_SIZE, SMALL_SIZE, TITLE_SIZE = 12, 11, 15
