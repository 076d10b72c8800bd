"""Recognise files that are no texts by the bytes they begin with."""

SIGNATURES = (
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"RIFF", "a RIFF file (WebP, WAV or AVI)"),
    (b"OggS", "an Ogg file"),
    (b"fLaC", "a FLAC file"),
    (b"ID3", "an MP3 file"),
    (b"\x1aE\xdf\xa3", "a Matroska file"),
    (b"\x7fELF", "an ELF program"),
    (b"\xfe\xed\xfa", "a Mach-O program"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O program"),
    (b"\xca\xfe\xba\xbe", "a Java class"),
    (b"\0asm", "a WebAssembly program"),
    (b"\x1f\x8b", "compressed with gzip, but not named .gz"),
    (b"BZh", "compressed with bzip2, but not named .bz2"),
    (b"\xfd7zXZ\0", "compressed with xz, but not named .xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
    (b"PK\x03\x04", "a ZIP archive, or a document in one (.docx, .odt, .epub), but not named .zip"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"%PDF-", "a PDF document"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Microsoft Office document"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"GGUF", "a GGUF model"),
)
TEXT_BYTES = bytes({*range(0x20, 0x100), *b"\b\t\n\f\r\x0e\x0f\x1a\x1b"})  # of texts in some encoding, without NUL
TAR_MARK, TAR_MARK_START = b"ustar", 257


def binary_kind(head: bytes) -> str | None:
    """Return what a file is, as a phrase, if its first bytes are those of a file that is no text.

    A signature of ASCII letters may begin a text as well, so there the bytes behind it decide too.
    """
    if head[TAR_MARK_START : TAR_MARK_START + len(TAR_MARK)] == TAR_MARK:
        return "a tar archive"
    kind = next((kind for signature, kind in SIGNATURES if head.startswith(signature)), None)
    if kind is None or not head[:4].isascii() or not head[:4].decode("ascii").isprintable():
        return kind
    return kind if head.startswith((b"%PDF-", b"GIF8", b"Rar!\x1a")) or num_controls(head) + head.count(0) else None


def num_controls(content: bytes) -> int:
    """Return how many control characters there are beside those of texts, and beside NULs."""
    return len(content.translate(None, TEXT_BYTES)) - content.count(0)
