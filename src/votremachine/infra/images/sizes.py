"""In which sizes images are shown. Pure."""

# Pixels: a list on a phone, a phone's whole screen, a desk's.
WIDTHS = (320, 800, 1600)
# A copy is at most this many times as high as it may be wide: WebP ends at 16,383 pixels.
TALLEST = 4
WIDTH_OF = {f"{width}.webp": width for width in WIDTHS}


def widths(width: int) -> list[int]:
    """The widths in which an image this wide is kept: those below its own, and the first that holds all of it."""
    return [one for place, one in enumerate(WIDTHS) if place == 0 or WIDTHS[place - 1] < width]


def box(width: int) -> tuple[int, int]:
    """The pixels that the copy of this width has to fit into."""
    return width, TALLEST * width
