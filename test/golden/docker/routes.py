"""routes.py - which routes of the API the commands of a story reach: the table in core/api/routes.c beside the agent's debug log."""
import os, re

ROUTE = re.compile(r'\{ "([A-Z]+)", "([^"]+)", (\w+), NEEDS_')
REQUEST = re.compile(r" debug api: ([A-Z]+) (?:/v[\d.]+)?(/\S*)$")

def table(text):
    """[(method, pattern)] of the routes that have a function."""
    return [(method, pattern) for method, pattern, function in ROUTE.findall(text) if function != "NULL"]

def pattern_of(path):
    """{} stands for one part of a path, {*} for some."""
    parts = re.split(r"(\{\*?\})", path)
    return re.compile("".join({"{}": "[^/]+", "{*}": ".+"}.get(part) or re.escape(part) for part in parts))

def find(routes, method, path):
    """A path that stands in the table as it is comes first, as in the agent."""
    if (method, path) in routes:
        return (method, path)
    return next((route for route in routes if route[0] == method and pattern_of(route[1]).fullmatch(path)), None)

class Reached:
    """Follows the log; reached[route] is the first command that asked for it."""
    def __init__(self, source, log):
        self.routes, self.log, self.at, self.reached = table(source), log, 0, {}
    def look(self, command):
        with open(self.log, errors="replace") as log:
            log.seek(self.at)
            text = log.read()
            text = text[:text.rfind("\n") + 1]
            self.at += len(text.encode(errors="replace"))
        for line in text.splitlines():
            request = REQUEST.search(line)
            route = request and find(self.routes, *request.groups())
            if route:
                self.reached.setdefault(route, command)
    def missing(self, excused):
        """What is wrong with the list of those that no command reaches: ["GET /x: reason"]."""
        reasons = dict(line.split(": ", 1) for line in excused.splitlines() if line and not line.startswith("#"))
        names = {"%s %s" % route: route for route in self.routes}
        wrong = ["no command reaches %s" % name for name, route in names.items() if route not in self.reached and name not in reasons]
        wrong += ["%s is no route any more" % name for name in reasons if name not in names]
        wrong += ["%s is reached by: %s" % (name, self.reached[names[name]]) for name in reasons if names.get(name) in self.reached]
        return wrong
