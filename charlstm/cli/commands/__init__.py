"""The commands, one file each: parse the options, call the library, show the result."""
