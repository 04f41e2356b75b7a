"""Run by a Python that has lz4, zstandard, python-snappy and crc32c: sends a small batch that unpacks to a gigabyte to a
compacted topic, in each codec, and prints the error code of each answer."""
import gzip
import socket
import struct
import sys

import crc32c
import lz4.frame
import snappy
import zstandard

port, topic = int(sys.argv[1]), sys.argv[2].encode()
MB = b"\0" * (1 << 20)


def xerial(n):
    out = b"\x82SNAPPY\0" + struct.pack(">ii", 1, 1)
    block = snappy.compress(b"\0" * 32768)
    return out + (struct.pack(">i", len(block)) + block) * (n * 32)


def stream(c, n):
    return b"".join([c.begin() if hasattr(c, "begin") else b""] + [c.compress(MB) for _ in range(n)] + [c.flush()])


bombs = {
    1: lambda: gzip.compress(MB * 400, 9),
    2: lambda: xerial(20),
    3: lambda: stream(lz4.frame.LZ4FrameCompressor(block_linked=False), 200),
    4: lambda: stream(zstandard.ZstdCompressor().compressobj(), 1000),
}


def batch(codec, body):
    tail = struct.pack(">hiqqqhii", codec, 0, 1000, 1000, -1, -1, -1, 1) + body
    head = struct.pack(">iBI", -1, 2, crc32c.crc32c(tail)) + tail
    return struct.pack(">qi", 0, len(head)) + head


with socket.create_connection(("127.0.0.1", port)) as s:
    s.settimeout(60)
    for codec in sorted(bombs):
        b = batch(codec, bombs[codec]())
        body = struct.pack(">hhih", 0, 7, codec, -1) + struct.pack(">hhii", -1, 1, 30000, 1)
        body += struct.pack(">h", len(topic)) + topic + struct.pack(">iii", 1, 0, len(b)) + b
        s.sendall(struct.pack(">i", len(body)) + body)
        n = struct.unpack(">i", s.recv(4, socket.MSG_WAITALL))[0]
        r = s.recv(n, socket.MSG_WAITALL)
        print(codec, len(b), struct.unpack(">h", r[4 + 4 + 2 + len(topic) + 4 + 4:][:2])[0])
