#!/usr/bin/env python3
"""transcript_test.py - would a difference be seen? The parts of transcript.py, tried on small texts. Ends with `N passed, N failed`."""
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import transcript

failed = passed = 0
def check(what, got, want):
    global failed, passed
    if got == want:
        passed += 1
    else:
        failed += 1
        print("FAIL: %s: got %r, wanted %r" % (what, got, want))

TEXT = """# a story
% let X echo 1
$ docker ps
ID | NAMES
! a warning
[exit 1]

$ docker service ls
"""
steps = transcript.parse(TEXT)
check("a text is read and written again", transcript.form(steps), TEXT)
check("output belongs to its command", steps[2].output, ["ID | NAMES", "! a warning", "[exit 1]"])
try:
    transcript.form([transcript.Step("run", "x", 1)])
    steps[2].output = ["$ looks like a step"]
    transcript.form(steps)
    check("output that looks like a step is refused", "written", "refused")
except ValueError:
    check("output that looks like a step is refused", "refused", "refused")

def lines(text, words=()):
    return transcript.Normaliser(dict(words)).lines(text)
A, B = "abcdefghijklmnopqrstuvwx1", "bbcdefghijklmnopqrstuvwx2"
check("ids are numbered as they come", lines("%s %s %s" % (A, B, A)), ["ID1 ID2 ID1"])
check("a short id is the long one", lines("%s\n%s" % (A, A[:12])), ["ID1", "ID1"])
check("a word of twelve letters is no id", lines("the abcdefghijkl"), ["the abcdefghijkl"])
check("times are alike", lines("2026-01-02T03:04:05.123Z About a minute ago"), ["TIME AGO"])
check("an old age is told", lines("56 years ago"), ["56 years ago"])
check("Go's zero time is told", lines("0001-01-01T00:00:00Z"), ["0001-01-01T00:00:00Z"])
check("cells are cut where the heads begin", lines("ID    NAME   PORTS\n1     web\n2     db     80/tcp"),
      ["ID | NAME | PORTS", "1 | web |", "2 | db | 80/tcp"])
check("what stands in the wrong column is seen", lines("ID    NAME\n1  web"), ["ID | NAME", "1  web |"])
check("words of this machine are named", lines("kernel 6.1", {"6.1": "KERNEL"}.items()), ["kernel KERNEL"])

pairing = transcript.Pairing()
check("other numbers are the same ids", pairing.fits(["ID1 of ID2"], ["ID7 of ID3"]), True)
check("an id keeps its partner", pairing.fits(["ID1"], ["ID3"]), False)
check("two ids do not share one", pairing.fits(["ID4 ID5"], ["ID8 ID8"]), False)
check("other words are seen", pairing.fits(["ID1 runs"], ["ID7 failed"]), False)
check("a line more is seen", pairing.fits(["a"], ["a", "b"]), False)

DEPARTURES = """# reasons
[own docker] docker ps*
why: for a test
- old
- lines
+ new
s Docker => swarmbox {VERSION}
x extra *
"""
entry = transcript.parse_departures(DEPARTURES, {"VERSION": "1"})[0]
check("it holds for its commands", [entry.fits("own", "docker ps -a"), entry.fits("own", "docker rm"), entry.fits("other", "docker ps")],
      [True, False, False])
check("it is not used before it changes something", (entry.wanted(["a"]), entry.told(["b"]), entry.used), (["a"], ["b"], False))
check("lines become others", entry.wanted(["old", "lines", "old", "Docker"]), ["new", "old", "swarmbox 1"])
check("extra lines are ours alone", entry.told(["extra one", "two"]), ["two"])
check("then it is used", entry.used, True)
for broken in ("[own] docker ps\n- x\n", "[own] docker ps\nwhy: nothing\n", "[own] docker ps\nwhy: x\nnonsense\n"):
    try:
        transcript.parse_departures(broken, {})
        check("a broken entry is refused", broken, "refused")
    except ValueError:
        check("a broken entry is refused", "refused", "refused")

print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
