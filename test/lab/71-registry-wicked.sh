#!/bin/bash
# The child that speaks to registries against liars and thieves: digests, redirects, certificates, proxies, mirrors, and its walls.
exec python3 -B "${0%/*}/registry/child_wicked.py"
