#!/usr/bin/env python3
"""read_after_write.py SOCKET OTHER COUNT - makes COUNT configs through one manager, and looks for each through another one as soon as the first has answered.

Prints the names that were not found.
"""
import base64
import http.client
import json
import socket
import sys


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("swarmbox")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)

    def ask(self, method, target, body=None):
        self.request(method, "/v1.50" + target, body and json.dumps(body), {"Content-Type": "application/json"})
        answer = self.getresponse()
        return answer.status, answer.read()


writer, reader = Connection(sys.argv[1]), Connection(sys.argv[2])
for number in range(int(sys.argv[3])):
    name = "read-after-write-%d" % number
    status, text = writer.ask("POST", "/configs/create", {"Name": name, "Data": base64.b64encode(b"x").decode()})
    if status != 201:
        sys.exit("%s: %s" % (name, text))
    if reader.ask("GET", "/configs/" + name)[0] != 200:
        print(name)
    writer.ask("DELETE", "/configs/" + name)
    if reader.ask("GET", "/configs/" + name)[0] != 404:
        print(name, "is still there")
