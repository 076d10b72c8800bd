"""Speed, side by side with others on the same machine in the same run: `make bench`. Not part of the tests."""
