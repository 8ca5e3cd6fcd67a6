"""One command a file: make keys, write metadata, map, explain, check the directory, break the glass."""
