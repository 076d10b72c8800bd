"""The options of pictures, which several commands draw."""

from pathlib import Path
from typing import Annotated

import typer

from charlstm.cli.display.pictures import PictureStyle, check_image_format
from charlstm.cli.options import OUTPUT, option
from charlstm.errors import SettingError

Dark = Annotated[bool, typer.Option("--dark", rich_help_panel=OUTPUT, help="Draw the picture on a dark background.")]
FontSize = Annotated[
    float | None,
    option(
        "--font-size",
        metavar="POINTS",
        panel=OUTPUT,
        help="Size of the text in the picture. Default: 10; 18 for a projector.",
    ),
]


def picture_style(*, dark: bool, font_size: float | None) -> PictureStyle:
    return PictureStyle(dark) if font_size is None else PictureStyle(dark, font_size)


def style_of_picture(path: Path | None, *, dark: bool, font_size: float | None, option: str) -> PictureStyle:
    """Return the style of a picture that is drawn only if a file is given, with the option of this name.

    Raises SettingError if its format is none, or if something is said about a picture and none is drawn.
    """
    check_image_format(path)
    for name, is_given in (("dark", dark), ("font_size", font_size is not None)):
        if is_given and path is None:
            raise SettingError(
                f"`{name}` is for pictures: a terminal has its own", hint=f"add --{option} FILE.png, or leave it out"
            )
    return picture_style(dark=dark, font_size=font_size)
