#!/bin/bash
# Images from Debian's docker-registry, with TLS and a password, through the agent.
exec python3 -B "${0%/*}/registry/debian.py"
