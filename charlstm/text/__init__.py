"""Text files to integer ids: find, decode, clean, encode and batch them."""
