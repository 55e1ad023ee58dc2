#!/usr/bin/env python3
"""memory_of.py PID WORD...: how often the words stand in what that process may read of its own memory."""
import sys

words = [word.encode() for word in sys.argv[2:]]
count = 0
with open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as memory:
    for line in open(f"/proc/{sys.argv[1]}/maps"):
        span, rights = line.split()[:2]
        start, end = (int(part, 16) for part in span.split("-"))
        if rights[0] != "r" or line.rstrip().endswith(("[vvar]", "[vsyscall]")):
            continue
        try:
            memory.seek(start)
            piece = memory.read(end - start)
        except (OSError, ValueError, OverflowError):
            continue
        count += sum(piece.count(word) for word in words)
print(count)
