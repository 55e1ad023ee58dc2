#!/usr/bin/env python3
"""writer.py SOCKET OUT PAUSE_MS - writes to the cluster through one manager's socket, one config after the other, until it is ended.

Each attempt is a line of OUT: when it began and ended (milliseconds of the system's clock), its status (0: no answer), its name. A name is used
once, so that 409 would mean that a write was done twice.
"""
import base64
import http.client
import json
import socket
import sys
import time

path, out, pause = sys.argv[1], open(sys.argv[2], "a", buffering=1), int(sys.argv[3]) / 1000


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(path)


def ms():
    return time.time_ns() // 1000000


connection, number = None, 0
tag = "%s-%d" % (path.split("/")[-3], ms())
while True:
    number += 1
    name = "%s-%d" % (tag, number)
    body = json.dumps({"Name": name, "Data": base64.b64encode(name.encode()).decode()})
    begin, status, why = ms(), 0, ""
    try:
        if connection is None:
            connection = Connection("swarmbox")
        connection.request("POST", "/v1.50/configs/create", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text, status = answer.read(), answer.status
        if status >= 300:
            why = json.loads(text).get("message", "")
    except (OSError, http.client.HTTPException, ValueError) as error:
        connection, why = None, str(error)
    out.write("%d %d %d %s %s\n" % (begin, ms(), status, name, why))
    time.sleep(pause if status else 0.05)
