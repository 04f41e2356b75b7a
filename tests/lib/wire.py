"""Raw requests over one connection: many partitions are asked for in one frame, which no client library lets a test do.
Old, non-flexible versions that both moldau and Apache Kafka 4 accept. Standard library only."""
import socket
import struct

TABLE = []
for i in range(256):
    for _ in range(8):
        i = i >> 1 ^ (0x82F63B78 if i & 1 else 0)
    TABLE.append(i)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def varint(n):
    n = n << 1 if n >= 0 else (-n << 1) - 1
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def batch(values, time_ms, key=None, base_offset=0, leader_epoch=-1, attributes=0):
    """A record batch of magic 2 without a producer id, every record with the same time."""
    records = b""
    for i, value in enumerate(values):
        r = b"\0" + varint(0) + varint(i) + (varint(-1) if key is None else varint(len(key)) + key)
        r += varint(len(value)) + value + varint(0)
        records += varint(len(r)) + r
    body = struct.pack(">hiqqqhii", attributes, len(values) - 1, time_ms, time_ms, -1, -1, -1, len(values)) + records
    return struct.pack(">qiibI", base_offset, len(body) + 9, leader_epoch, 2, crc32c(body)) + body


def log_end(data):
    """The offset after the last batch of a segment."""
    at = end = 0
    while at + 61 <= len(data):
        base, n = struct.unpack_from(">qi", data, at)
        end = base + struct.unpack_from(">i", data, at + 23)[0] + 1
        at += 12 + n
    return end


# ---- records of the metadata log, after their frame version 1 ----
def short(data):
    """A compact string or bytes below 127 bytes; None is null."""
    return b"\0" if data is None else bytes([len(data) + 1]) + data


def quota_record(entity, key, value):
    """entity: [(type, name or None)]"""
    parts = b"".join(short(t) + short(n) + b"\0" for t, n in entity)
    return b"\1\x0e\0" + bytes([len(entity) + 1]) + parts + short(key) + struct.pack(">d", value) + b"\0\0"


def scram_record(user, mechanism, iterations):
    return b"\1\x0b\0" + short(user) + bytes([mechanism]) + short(b"salt") * 3 + struct.pack(">i", iterations) + b"\0"


def text(s):
    return struct.pack(">h", len(s)) + s.encode()


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def text(self):
        n = self.take("h")
        if n < 0:
            return None
        self.at += n
        return self.data[self.at - n:self.at].decode()

    def each(self):
        return range(self.take("i"))

    # ---- of flexible versions ----
    def uvarint(self):
        n = shift = 0
        while True:
            byte = self.take("B")
            n |= (byte & 0x7F) << shift
            if byte < 0x80:
                return n
            shift += 7

    def compact_each(self):
        return range(max(self.uvarint() - 1, 0))

    def compact(self):
        """A compact string as bytes; null is None."""
        n = self.uvarint() - 1
        return None if n < 0 else self.take("%ds" % n)

    def tags(self):
        for _ in range(self.uvarint()):
            self.uvarint()
            self.at += self.uvarint()


class Wire:
    def __init__(self, port, host="127.0.0.1", timeout=120):
        self.sock = socket.create_connection((host, port), timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def send(self, key, version, body):
        frame = struct.pack(">hhih", key, version, 1, 4) + b"wire" + body
        self.sock.sendall(struct.pack(">i", len(frame)) + frame)

    def receive(self):
        def exactly(n):
            parts = []
            while n:
                part = self.sock.recv(min(n, 1 << 20))
                if not part:
                    raise ConnectionError("the broker closed the connection")
                parts.append(part)
                n -= len(part)
            return b"".join(parts)
        n, = struct.unpack(">i", exactly(4))
        r = Reader(exactly(n))
        r.take("i")
        return r

    def ask(self, key, version, body):
        self.send(key, version, body)
        return self.receive()

    def metadata(self, topics=None):
        """{topic: number of partitions that have a leader}; of every topic by default."""
        body = struct.pack(">i", -1) if topics is None else array([text(t) for t in topics])
        r = self.ask(3, 1, body)
        for _ in r.each():
            r.take("i"), r.text(), r.take("i"), r.text()
        r.take("i")
        led = {}
        for _ in r.each():
            _, name, _ = r.take("h"), r.text(), r.take("b")
            led[name] = 0
            for _ in r.each():
                error, _, leader = r.take("hii")
                led[name] += error == 0 and leader >= 0
                for _ in range(2):
                    for _ in r.each():
                        r.take("i")
        return led

    def topics(self):
        """{name: (id, number of partitions)} of every topic, by Metadata v12."""
        r = self.ask(3, 12, b"\0\0\0\0\0")
        r.tags(), r.take("i")
        for _ in r.compact_each():
            r.take("i"), r.compact(), r.take("i"), r.compact(), r.tags()
        r.compact(), r.take("i")
        out = {}
        for _ in r.compact_each():
            r.take("h")
            name, topic_id, _ = r.compact().decode(), r.take("16s"), r.take("b")
            partitions = r.compact_each()
            for _ in partitions:
                r.take("hiii")
                for _ in range(3):
                    for _ in r.compact_each():
                        r.take("i")
                r.tags()
            r.take("i"), r.tags()
            out[name] = topic_id, len(partitions)
        return out

    def create(self, topics, **configs):
        """topics: {name: partitions}. Gives {name: error code}."""
        conf = array([text(k.replace("_", ".")) + text(str(v)) for k, v in configs.items()])
        body = struct.pack(">i", len(topics))
        for name, partitions in topics.items():
            body += text(name) + struct.pack(">ihi", partitions, 1, 0) + conf
        r = self.ask(19, 4, body + struct.pack(">ib", 60000, 0))
        r.take("i")
        out = {}
        for _ in r.each():
            name = r.text()
            out[name] = r.take("h")
            r.text()
        return out

    def delete(self, names):
        r = self.ask(20, 3, array([text(n) for n in names]) + struct.pack(">i", 60000))
        r.take("i")
        return {r.text(): r.take("h") for _ in r.each()}

    def send_produce(self, topics, records, acks=-1):
        """The same batch to every partition of {name: [index]}."""
        body = struct.pack(">hhii", -1, acks, 60000, len(topics))
        for name, indexes in topics.items():
            body += text(name) + array([struct.pack(">ii", i, len(records)) + records for i in indexes])
        self.send(0, 7, body)

    def receive_produce(self):
        """{(name, index): (error code, base offset)}"""
        r = self.receive()
        out = {}
        for _ in r.each():
            name = r.text()
            for _ in r.each():
                index, error, base, _, _ = r.take("ihqqq")
                out[name, index] = error, base
        return out

    def produce(self, topics, records, acks=-1):
        self.send_produce(topics, records, acks)
        return self.receive_produce()

    def offsets(self, topics, time_ms=-1):
        """ListOffsets (-1: the end, -2: the start) of {name: [index]}: {(name, index): (error code, time, offset)}."""
        body = struct.pack(">ii", -1, len(topics))
        for name, indexes in topics.items():
            body += text(name) + array([struct.pack(">iq", i, time_ms) for i in indexes])
        r = self.ask(2, 1, body)
        out = {}
        for _ in r.each():
            name = r.text()
            for _ in r.each():
                index, error, time, offset = r.take("ihqq")
                out[name, index] = error, time, offset
        return out

    def fetch(self, topics, offset=0, bytes_each=65536):
        """One round from `offset` of {name: [index]}: {(name, index): (error code, high watermark, record bytes)}."""
        body = struct.pack(">iiiibi", -1, 1000, 1, 0x7FFFFFFF, 0, len(topics))
        for name, indexes in topics.items():
            body += text(name) + array([struct.pack(">iqi", i, offset, bytes_each) for i in indexes])
        r = self.ask(1, 4, body)
        r.take("i")
        out = {}
        for _ in r.each():
            name = r.text()
            for _ in r.each():
                index, error, high, _ = r.take("ihqq")
                for _ in range(max(r.take("i"), 0)):
                    r.take("qq")
                n = max(r.take("i"), 0)
                out[name, index] = error, high, r.data[r.at:r.at + n]
                r.at += n
        return out
