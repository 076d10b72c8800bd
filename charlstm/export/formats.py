"""What can be exported, without what it takes to do so: the command line's help names it, and must start at once."""

PAGE, MODEL, KERAS, ONNX, TORCH, ARRAYS = ".html", ".safetensors", ".keras", ".onnx", ".torch.safetensors", ".npz"
FORMATS = {  # by the ending of the file
    PAGE: "a page that runs the network in a browser",
    MODEL: "a model for charlstm, in one file",
    KERAS: "a model of plain Keras layers",
    ONNX: "a graph for ONNX Runtime and others",
    TORCH: "weights with PyTorch's names",
    ARRAYS: "the weights alone, for NumPy",
}
PICKLES = (".pt", ".pth", ".bin", ".pkl", ".pickle")  # are never written or read: they can hold code
STDOUT = "-"  # in the place of a file: the weights alone go to standard output
WEIGHTS = {"32-bit": "float32", "16-bit": "float16", "8-bit": "int8"}  # in a model file, by the choice of the option
DEFAULT_FONT_SIZE, MIN_FONT_SIZE, MAX_FONT_SIZE = 17, 8, 72  # of the text in a page, in pixels
USES = {  # what to do with a file
    PAGE: "open it in a browser, or send it to someone",
    MODEL: "give it to any command as RUN, or send it to someone",
    KERAS: "keras.saving.load_model opens it",
    ONNX: "onnxruntime.InferenceSession opens it",
    TORCH: "docs/export.md has a loader of 20 lines",
    ARRAYS: "numpy.load opens it",
}


def format_of(name: str) -> str | None:
    """Return the ending in FORMATS that a file name has, the longest one; None if it has none of them.

    >>> format_of("macbeth.torch.safetensors")
    '.torch.safetensors'
    """
    return max((ending for ending in FORMATS if name.lower().endswith(ending)), key=len, default=None)
