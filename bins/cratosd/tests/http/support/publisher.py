"""Publishes what stands in FOLDER/frame as often as that file appears, by real libzmq, as MISP's mispzmq.py does."""
import os
import sys
import time

import zmq

port, folder = sys.argv[1], sys.argv[2]
# To a subscriber an XPUB is a PUB; here it also tells of subscriptions.
socket = zmq.Context().socket(zmq.XPUB)
socket.bind(f"tcp://127.0.0.1:{port}")
frame = os.path.join(folder, "frame")
while True:
    if socket.poll(10) and socket.recv() == b"\x01":
        open(os.path.join(folder, "subscribed"), "w").close()
    if os.path.exists(frame):
        with open(frame, "rb") as text:
            socket.send(text.read())
        os.unlink(frame)
    time.sleep(0.005)
