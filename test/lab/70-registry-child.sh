#!/bin/bash
# The child that speaks to registries, alone: pulls, credentials, broken transfers.
exec python3 -B "${0%/*}/registry/child.py"
