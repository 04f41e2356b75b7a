"""Requests made from the schemas (proto/api), so that a test can go through all of them: of a request's arrays one, or all
of them, are filled until the frame has its size. Standard library only."""
import glob
import os
import struct
import sys

from broker import ROOT

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tools"))
import kpgen

FORMS = {"bool": ">b", "int8": ">b", "int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "int64": ">q", "float64": ">d"}


def uvarint(n):
    out = b""
    while n > 0x7F:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def schemas():
    """{API key: its schema}"""
    out = {}
    for path in sorted(glob.glob(ROOT + "/proto/api/*.kp")):
        s = kpgen.Schema(path)
        out[s.key] = s
    return out


def within(version, versions):
    return versions is not None and versions[0] <= version <= versions[1]


class Request:
    """One version of a request. value(path, field, i, default) gives what stands in the field of an element that is the
    i-th of its array: a number, bytes (of strings, bytes, uuids), or None for null. nulls: names of arrays that are null."""

    def __init__(self, schema, version, value, nulls=()):
        self.schema, self.version, self.value, self.nulls = schema, version, value, nulls
        self.message = next(m for m in schema.messages if m.kind == "request")
        self.flexible = within(version, self.message.flexible)
        self.counts = {}

    def fields(self, s):
        return [f for f in s.fields if within(self.version, f.versions)]

    def arrays(self, s=None, path=()):
        """The paths of all arrays, outer ones first."""
        out = []
        for f in self.fields(s or self.message.root):
            here = path + (f.name,)
            if f.array and f.name not in self.nulls:
                out.append(here)
            if f.struct is not None:
                out += self.arrays(f.struct, here)
        return out

    def length(self, n, form, compact):
        return uvarint(n + 1) if compact else struct.pack(form, n)

    def scalar(self, f, path, i):
        default = 0 if f.default in (None, "null", "false", "true", '""') else int(float(f.default))
        default = 1 if f.default == "true" else default
        if f.type in ("string", "bytes", "records", "uuid"):
            default = b"\0" * 16 if f.type == "uuid" else None if f.nullable and f.default == "null" else b""
        v = self.value(path, f, i, default)
        if f.type in FORMS:
            return struct.pack(FORMS[f.type], v)
        if f.type == "uuid":
            return v
        compact = self.flexible and not f.rigid
        if v is None:
            if within(self.version, f.nullable):
                return b"\0" if compact else struct.pack(">h" if f.type == "string" else ">i", -1)
            v = b""
        return self.length(len(v), ">h" if f.type == "string" else ">i", compact) + v

    def one(self, f, path, i):
        return self.struct(f.struct, path, i) if f.struct is not None else self.scalar(f, path, i)

    def field(self, f, path, i):
        here = path + (f.name,)
        if not f.array:
            if f.struct is not None and within(self.version, f.nullable):
                return b"\xff"
            return self.one(f, here, i)
        if f.name in self.nulls:
            return b"\0" if self.flexible and not f.rigid else struct.pack(">i", -1)
        n = self.counts.get(here, 1)
        head = self.length(n, ">i", self.flexible and not f.rigid)
        if n > 1 and self.repeat:
            return head + self.one(f, here, 0) * n
        return head + b"".join([self.one(f, here, k if n > 1 else i) for k in range(n)])

    def struct(self, s, path, i):
        out = [self.field(f, path, i) for f in self.fields(s) if f.tag is None]
        return b"".join(out) + (b"\0" if self.flexible else b"")

    def body(self, counts, repeat):
        """counts: {path of an array: its elements}; one in the others. With repeat all elements are the first one."""
        self.counts, self.repeat = counts, repeat
        return self.struct(self.message.root, (), 0)

    def filled(self, paths, size, repeat):
        """The body whose arrays at these paths, each within the one before, have as many elements as fill it."""
        k, n = len(paths), 1
        base = len(self.body({p: 2 for p in paths}, repeat))
        element = max(1, base - len(self.body({p: 1 for p in paths}, repeat)))
        n = max(2, int((size / element * (3 if k > 1 else 1)) ** (1.0 / k)))
        body = self.body({p: n for p in paths}, repeat)
        if len(body) > 1.5 * size or len(body) < size / 2:  # elements of other lengths than the first ones
            n = max(2, int(n * (size / len(body)) ** (1.0 / k)))
            body = self.body({p: n for p in paths}, repeat)
        return body

    def frame(self, body, client=b"flood"):
        head = struct.pack(">hhi", self.schema.key, self.version, 1) + struct.pack(">h", len(client)) + client
        head += b"\0" if self.flexible else b""
        return struct.pack(">i", len(head) + len(body)) + head + body
