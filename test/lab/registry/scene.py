"""scene - what both stories of the fetching child begin with: names, authorities, registries."""
import os

from fake_registry import Registry
from harness import NAMES, Certificates, set_up_network

set_up_network()
authority = Certificates()
stranger = Certificates("stranger")
ANN = {"username": "ann", "password": "pw"}


def plain(**rest):
    """On loopback, which needs no TLS, as Docker has it."""
    return Registry("127.0.0.1", **rest)


def secure(name="reg.test", certificate=None):
    return Registry(NAMES[name], name=name, tls=certificate or authority.sign(name, name, [name]))


def at(registry, **rest):
    return dict({"domain": registry.authority, "ca_file": authority.ca}, **rest)


def one_layer(registry, count=500000, tag="1"):
    _, (blob,) = registry.put_image("lab/x", tag, [{"a": os.urandom(count)}])
    return blob
