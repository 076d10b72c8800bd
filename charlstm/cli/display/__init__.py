"""All that is shown on the screen; the only package that imports Rich, plotext and prompt_toolkit."""
