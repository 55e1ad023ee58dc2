#!/usr/bin/env python3
"""run.py SOCKET PID - talks to the agent (of this pid) by hand. Ends with `N passed, N failed`."""
import sys

import suite

sys.dont_write_bytecode = True


def main():
    suite.SOCKET = sys.argv[1]
    import http_rules
    import objects
    import routes
    import streams
    slow = http_rules.Slow()
    slow.start()
    for fn in routes.PARTS_BEFORE_INIT + objects.PARTS_BEFORE_INIT:
        suite.part(fn)
    for fn in http_rules.PARTS + routes.PARTS + objects.PARTS + streams.parts(int(sys.argv[2])):
        suite.part(fn)
    slow.verdict()
    print(f'{suite.passed} passed, {suite.failed} failed')


main()
