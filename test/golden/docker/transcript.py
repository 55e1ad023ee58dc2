"""transcript.py - the text of a story: how it is read and written, and what is made alike in it.

    # a comment
    % until COMMAND         repeats the command until it succeeds
    % let NAME COMMAND      $NAME holds from now on what the command prints
    % sorted                the lines of the next output have no order
    $ COMMAND               is run; below it what it prints, "! " before lines of the standard error,
    [exit 1]                and its exit code when it is not 0

Pure but for reading and writing the files. Only what no two runs share is made alike: ids, times, tokens,
the padding of columns (as wide as the longest time). Everything else is compared letter by letter.
"""
import re

class Step:
    def __init__(self, kind, text, line):
        self.kind, self.text, self.line, self.output = kind, text, line, []

def parse(text):
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        kind = {"$ ": "run", "% ": "do", "# ": "comment"}.get(line[:2]) or ("comment" if line == "#" else None)
        if kind:
            steps.append(Step(kind, line if kind == "comment" else line[2:], number))
        elif steps and steps[-1].kind == "run":
            steps[-1].output.append(line)
        elif line:
            raise ValueError("line %d: output of no command: %s" % (number, line))
    for step in steps:
        step.output = trimmed(step.output)
    return steps

def trimmed(lines):
    while lines and not lines[-1]:
        lines.pop()
    return lines

def form(steps):
    """The text again; a blank line ends each output and each group of comments and directives stays together."""
    out = []
    for step in steps:
        if step.kind == "comment":
            out.append(step.text)
        elif step.kind == "do":
            out.append("% " + step.text)
        else:
            out.append("$ " + step.text)
            for line in step.output:
                if line[:2] in ("$ ", "% ", "# ") or line == "#":
                    raise ValueError("line %d: output that looks like a step: %s" % (step.line, line))
            out += step.output + [""]
    return "\n".join(out).rstrip("\n") + "\n"

# ---- what is made alike ---------------------------------------------------------------------------------------------

STAMP = re.compile(r"(?!0001-)\d{4}-\d\d-\d\d(?:T| )\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d(?: UTC)?)")
AGO = re.compile(r"\b(?i:Less than a second|About a minute|\d+ (?:second|minute)s?) ago")
UP = re.compile(r"\bUp (?:Less than a second|About a minute|\d+ (?:second|minute)s?)")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----(\n|\\n|[A-Za-z0-9+/=])+-----END CERTIFICATE-----")
UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
KEY = re.compile(r'(Issuer ?Public ?Key"?: ?\t?"?)[A-Za-z0-9+/=]{100,}')
TOKEN = re.compile(r"\bSWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}\b")
NUMBERS = re.compile(r'"(Index|PID|Pid|Created|time|timeNano)": ?-?\d+')
TABLE = re.compile(r"[A-Z][A-Z/%]*(?: [A-Z/%]+)*(?: {2,}[A-Z][A-Z/%]*(?: [A-Z/%]+)*)+ *")
LONG = r"sha256:[0-9a-f]{64}|\b[0-9a-f]{64}\b|\b[0-9a-z]{25}\b"
# A short id stands at the head of a line or of its tree of tasks, in JSON, or it is the head of a known one.
SHORT = r"(?m:(?<=^)|(?<=\\_ )|(?<= \| )|(?<=\"ID\":\")|(?<=\"ID\": \")|(?<=sha256:))[0-9a-z]{12}(?![0-9a-z])"
ID = re.compile(LONG + "|" + SHORT + r"|\b[0-9a-z]{12}\b")
HEAD = re.compile(SHORT)

def columns(text):
    """A table's cells, cut where the heads begin, with bars between: how wide they are depends on times and ids."""
    head, _, rest = text.partition("\n")
    if not TABLE.fullmatch(head):
        return text
    starts = [0] + [m.end() for m in re.finditer(r" {2,}(?=[A-Z])", head)] + [None]
    rows = [[line[a:b].strip() for a, b in zip(starts, starts[1:])] for line in text.split("\n")]
    return "\n".join(" | ".join(row) for row in rows)

class Normaliser:
    """Ids get numbers in the order in which they appear, so that the same id is seen to be the same.

    words: {text: name} for what belongs to this machine, which no other shares.
    """
    def __init__(self, words):
        self.words, self.ids = words, []        # of each id the longest form seen
    def number(self, text):
        for n, known in enumerate(self.ids):
            if known.startswith(text) or (len(text) > len(known) and text.startswith(known)):
                self.ids[n] = max(known, text, key=len)
                return n + 1
        return None
    def replace(self, match):
        text = match.group()
        prefix = "sha256:" if text.startswith("sha256:") else ""
        bare = text[len(prefix):]
        n = self.number(bare)
        if n is None:
            if len(bare) == 12 and not HEAD.match(match.string, match.start()):
                return text         # a word of twelve letters
            self.ids.append(bare)
            n = len(self.ids)
        return "%sID%d" % (prefix, n)
    def lines(self, text):
        text = columns(text)
        for word, name in self.words.items():
            text = text.replace(word, name)
        text = PEM.sub("CERTIFICATE", KEY.sub(r"\1KEY", text))
        text = TOKEN.sub("TOKEN", text)
        text = UUID.sub("UUID", text)
        text = STAMP.sub("TIME", text)
        text = AGO.sub("AGO", text)
        text = UP.sub("Up TIME", text)
        text = NUMBERS.sub(r'"\1": N', text)
        text = ID.sub(self.replace, text)
        return trimmed([line.rstrip() for line in text.split("\n")])

PLACE = re.compile(r"\bID[0-9a-z]+\b")

def skeleton(line):
    return PLACE.sub("ID", line)

class Pairing:
    """Which id of one telling is which of the other: each has one partner, for the whole story."""
    def __init__(self):
        self.of_got, self.of_want = {}, {}
    def renamed(self, lines):
        return [PLACE.sub(lambda m: self.of_got.get(m.group(), "ID?"), line) for line in lines]
    def fits(self, want, got):
        """Are both the same but for the numbers of their ids? If so, the new pairs are kept."""
        if [skeleton(line) for line in want] != [skeleton(line) for line in got]:
            return False
        of_got, of_want = dict(self.of_got), dict(self.of_want)
        for a, b in zip(PLACE.findall("\n".join(want)), PLACE.findall("\n".join(got))):
            if of_got.setdefault(b, a) != a or of_want.setdefault(a, b) != b:
                return False
        self.of_got, self.of_want = of_got, of_want
        return True

# ---- intended differences -------------------------------------------------------------------------------------------

class Departure:
    """One entry of the file `departures`: for which clients and commands, why, and what becomes of the lines."""
    def __init__(self, clients, pattern, line):
        self.clients, self.pattern, self.line = clients, pattern, line
        self.command = glob(pattern)
        self.why, self.old, self.new, self.words, self.extra, self.skips, self.used = "", [], [], [], [], False, False
    def fits(self, client, command):
        return client in self.clients and self.command.fullmatch(command) is not None
    def wanted(self, lines):
        """What Docker says, as it is expected of us."""
        out, at = [], 0
        while at < len(lines):
            if self.old and lines[at:at + len(self.old)] == self.old:
                out += self.new
                at += len(self.old)
            else:
                out.append(lines[at])
                at += 1
        for old, new in self.words:
            out = [line.replace(old, new) for line in out]
        self.used = self.used or out != lines
        return trimmed(out)
    def told(self, lines):
        """What we say, without what Docker has not."""
        out = [line for line in lines if not any(extra.fullmatch(line) for extra in self.extra)]
        self.used = self.used or out != lines
        return out

def glob(pattern):
    return re.compile("".join(".*" if c == "*" else re.escape(c) for c in pattern))

def parse_departures(text, words):
    """words: what {NAME} in our lines stands for, such as the version that is being built."""
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        head = re.fullmatch(r"\[([a-z ]+)\] (.+)", line)
        if head:
            entries.append(Departure(head.group(1).split(), head.group(2), number))
            continue
        if not line or line.startswith("#"):
            continue
        entry, kind, rest = entries[-1], line[:2].strip(), line[2:]
        for name, value in words.items():
            rest = rest.replace("{%s}" % name, value)
        if line.startswith("why: "):
            entry.why = line[5:]
        elif line == "skip":
            entry.skips = True
        elif kind == "-":
            entry.old.append(rest)
        elif kind == "+":
            entry.new.append(rest)
        elif kind == "s" and " => " in rest:
            entry.words.append(tuple(rest.split(" => ", 1)))
        elif kind == "x":
            entry.extra.append(glob(rest))
        else:
            raise ValueError("departures:%d: %s" % (number, line))
    for entry in entries:
        if not entry.why:
            raise ValueError("departures:%d: without a reason" % entry.line)
        if not (entry.skips or entry.old or entry.words or entry.extra):
            raise ValueError("departures:%d: departs from nothing" % entry.line)
    return entries
