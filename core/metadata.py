"""The metadata of charlstm-core: those of charlstm, with the libraries that only training needs as an extra."""

import re
import tomllib
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

NAME = re.compile(r"[\w-]+")
HEAVY = ("keras", "llvmlite", "matplotlib", "tensorflow")  # writing works without them, of long texts more slowly
SAME = ("authors", "classifiers", "description", "keywords", "license", "requires-python", "scripts")
DEVELOPMENT = ("bench", "browser", "dev")  # extras of no use without the source


class CoreMetadata(MetadataHookInterface):
    """Fills in what `core/pyproject.toml` declares as dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the fields of the project in the folder above."""
        source = Path(self.root).parent
        project = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        metadata.update({field: project[field] for field in SAME})
        readme = (source / project["readme"]).read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}
        required, extras = project["dependencies"], project["optional-dependencies"]
        metadata["dependencies"] = [line for line in required if _name(line) not in HEAVY]
        metadata["optional-dependencies"] = {
            "train": [line for line in required if _name(line) in HEAVY],
            "fast": [line for line in required if _name(line) == "llvmlite"],
        } | {name: lines for name, lines in extras.items() if name not in DEVELOPMENT}


def _name(requirement: str) -> str:
    match = NAME.match(requirement)
    return match[0].lower() if match else ""
