"""What can be exported, without what it takes to do so: the command line's help names it, and must start at once."""

FORMATS = {".html": "a page that runs the network in a browser"}  # by the ending of the file
DEFAULT_FONT_SIZE, MIN_FONT_SIZE, MAX_FONT_SIZE = 17, 8, 72  # of the text in a page, in pixels
