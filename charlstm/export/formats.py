"""What can be exported, without what it takes to do so: the command line's help names it, and must start at once."""

PAGE, MODEL = ".html", ".safetensors"
FORMATS = {  # by the ending of the file
    PAGE: "a page that runs the network in a browser",
    MODEL: "a model for charlstm, in one file",
}
WEIGHTS = {"32-bit": "float32", "16-bit": "float16", "8-bit": "int8"}  # in a model file, by the choice of the option
DEFAULT_FONT_SIZE, MIN_FONT_SIZE, MAX_FONT_SIZE = 17, 8, 72  # of the text in a page, in pixels
