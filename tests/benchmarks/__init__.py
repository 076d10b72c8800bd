"""Speed compared with other software, on the same machine in the same run: `make bench`. Not part of the tests."""
