"""Text files to character ids: find, decode, clean, encode and batch texts."""
