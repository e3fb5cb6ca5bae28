"""Publishes the lines of files, as MISP's mispzmq.py does: one frame each, by real libzmq, once for every subscriber."""
import sys

import zmq

port, files = sys.argv[1], sys.argv[2:]
# XPUB tells of subscriptions, so that nothing is sent before somebody listens; to a subscriber it is a PUB.
socket = zmq.Context().socket(zmq.XPUB)
socket.setsockopt(zmq.XPUB_VERBOSE, 1)
socket.setsockopt(zmq.HEARTBEAT_IVL, 200)
socket.bind(f"tcp://127.0.0.1:{port}")
while True:
    if socket.recv() != b"\x01":
        continue
    for name in files:
        with open(name, "rb") as lines:
            for line in lines:
                socket.send(line.rstrip(b"\n"))
