"""Writes packets as others make them: OpenSSL's handshakes, scapy's headers and sums.

Arguments: the file of packets, a certificate with its key in one file. Standard input: a list of conversations, in JSON. Each has
the client's port 20000 + its place in the list.
"""

import json
import ssl
import struct
import sys

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

FILE, CERTIFICATE = sys.argv[1:]
packets = []


def ends(server):
    return (IPv6, "fd77::1", server) if ":" in server else (IP, "10.77.0.1", server)


def put(packet):
    packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / packet
    packet.time = 1_700_000_000 + len(packets) / 1000
    packets.append(packet)


def datagram(place, server, port, payload):
    network, here, there = ends(server)
    put(network(src=here, dst=there) / UDP(sport=20000 + place, dport=port) / payload)


def conversation(place, server, port, turns):
    """A whole TCP conversation; `turns` are (is it the client who speaks, bytes)."""
    network, here, there = ends(server)
    ports = (20000 + place, port)
    numbers = [1000, 5000]

    def say(client, flags, payload=b""):
        me, other = (0, 1) if client else (1, 0)
        source, target = (here, there) if client else (there, here)
        segment = TCP(
            sport=ports[me], dport=ports[other], flags=flags, seq=numbers[me], ack=numbers[other] if "A" in flags else 0, window=64000
        )
        put(network(src=source, dst=target) / segment / Raw(payload) if payload else network(src=source, dst=target) / segment)
        numbers[me] += len(payload) + (1 if "S" in flags or "F" in flags else 0)

    say(True, "S")
    say(False, "SA")
    say(True, "A")
    for client, payload in turns:
        for start in range(0, len(payload), 1400):
            say(client, "PA", payload[start : start + 1400])
            say(not client, "A")
    say(True, "FA")
    say(False, "FA")
    say(True, "A")


def handshake(name):
    """What OpenSSL and OpenSSL say to each other, as far as TLS 1.2 shows it."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(CERTIFICATE)
    server.maximum_version = client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        (True, client.wrap_bio(down, up, server_hostname=name), up),
        (False, server.wrap_bio(up, down, server_side=True), down),
    ]
    turns, missing = [], 2
    while missing:
        missing = 2
        for is_client, side, out in sides:
            before = out.pending
            try:
                side.do_handshake()
                missing -= 1
            except ssl.SSLWantReadError:
                pass
            said = out.read()
            if said:
                turns.append((is_client, said))
                out.write(said)
    return turns


def ssh(software, algorithms):
    payload = bytes([20]) + bytes(16)
    for names in [algorithms] * 8 + [""] * 2:
        payload += struct.pack(">I", len(names)) + names.encode()
    payload += bytes(5)
    padding = 8 - (len(payload) + 5) % 8 + 4
    packet = struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)
    return [f"SSH-2.0-{software}\r\n".encode(), packet]


for place, told in enumerate(json.load(sys.stdin)):
    to = told.get("to", "203.0.113.1")
    if "dns" in told:
        datagram(place, to, 53, DNS(id=place, rd=1, qd=DNSQR(qname=told["dns"])))
    elif "udp" in told:
        datagram(place, to, told["udp"], Raw(b"ping"))
    elif "tls" in told:
        conversation(place, to, 443, handshake(told["tls"] or None))
    elif "ssh" in told:
        (client, keys), (server, others) = ssh("client", told["ssh"]), ssh("server", told["ssh_server"])
        conversation(place, to, 22, [(True, client), (False, server), (True, keys), (False, others)])
    else:
        body = told.get("body", "hello").encode()
        lines = [f"GET {told['get']} HTTP/1.1", f"Host: {told['host']}", f"User-Agent: {told.get('agent', 'curl')}", "", ""]
        answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        conversation(place, to, told.get("port", 80), [(True, "\r\n".join(lines).encode()), (False, answer)])

wrpcap(FILE, packets)
