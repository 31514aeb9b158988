"""Colors, fonts and sizes shared by charts and tables; kept apart from `theme` to avoid loading Altair."""

# Okabe and Ito (2008), distinguishable with any common color blindness.
BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, YELLOW, BLACK = PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#000000",
)  # fmt: skip
INK, MUTED, FAINT, STRIPE = "#222222", "#5F6368", "#D9DCE0", "#F5F6F8"
WARNING = "#A84300"  # a text in vermillion, dark enough to be read

# Liberation Sans and Arimo have Arial's widths, so that a layout fits each of them.
FONT = "Arial, Helvetica, 'Liberation Sans', Arimo, sans-serif"
TEXT_SIZE, SMALL_SIZE, TITLE_SIZE = 12, 11, 15

# The same on a dark page, with a contrast of at least 4.5 to 1 against its background for all that is text.
PAGE_DARK, INK_DARK = "#15181C", "#E8EAED"
DARK = {
    "white": PAGE_DARK, "black": INK_DARK, BLACK: INK_DARK, INK: INK_DARK,
    MUTED: "#A9AFB6", FAINT: "#3A3F45", STRIPE: "#1F2328",
    BLUE: "#5AB0E8", GREEN: "#2BBF94", VERMILLION: "#F0884A", WARNING: "#F5A97A",
}  # fmt: skip
