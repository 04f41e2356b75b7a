#!/usr/bin/env python3
"""Makes the C codecs from the schemas: kpgen.py PROTO_DIR OUT_DIR. proto/README.md describes the language.

Each schema file X.kp becomes X.h and X.c; kp_api.h and kp_api.c hold the tables over all of them. A file whose text
did not change is left alone, so that make compiles only what a schema change touched.
"""
import os
import re
import sys

FOREVER = 32767
KEYWORDS = set('auto bool break case char const continue default do double else enum extern float for goto if inline '
               'int long register restrict return short signed sizeof static struct switch typedef union unsigned void '
               'volatile while'.split())
# schema type: C type, name in function names, KP_ constant, bytes on the wire at least, bytes in C
PRIMITIVES = {
    'bool': ('bool', 'bool', 'KP_BOOL', 1),
    'int8': ('int8_t', 'i8', 'KP_I8', 1),
    'int16': ('int16_t', 'i16', 'KP_I16', 2),
    'uint16': ('uint16_t', 'u16', 'KP_U16', 2),
    'int32': ('int32_t', 'i32', 'KP_I32', 4),
    'uint32': ('uint32_t', 'u32', 'KP_U32', 4),
    'int64': ('int64_t', 'i64', 'KP_I64', 8),
    'float64': ('double', 'f64', 'KP_F64', 8),
    'uuid': ('struct uuid', 'uuid', 'KP_UUID', 16),
    'string': ('struct slice', 'string', 'KP_STRING', 1),
    'bytes': ('struct slice', 'bytes', 'KP_BYTES', 1),
    'records': ('struct kp_records', 'records', 'KP_RECORDS', 1),
}
LISTENERS = {'broker': 'KP_ON_BROKER', 'controller': 'KP_ON_CONTROLLER'}
LOGS = ['metadata', 'group', 'txn', 'share', 'remote']


def snake(name):
    s = name.replace('KRaft', 'Kraft')
    s = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', s)
    return re.sub(r'([A-Z]+)([A-Z][a-z])', r'\1_\2', s).lower()


def camel(name):
    first, *rest = name.split('_')
    return first + ''.join(w[:1].upper() + w[1:] for w in rest)


class SchemaError(Exception):
    pass


def parse_range(text):
    m = re.fullmatch(r'(\d+)(?:(\+)|-(\d+))?', text)
    if not m:
        raise SchemaError(f'not a version range: {text}')
    low = int(m[1])
    return low, FOREVER if m[2] else int(m[3]) if m[3] else low


def meet(a, b):
    """The versions in both ranges, None if there are none."""
    if a is None or b is None:
        return None
    low, high = max(a[0], b[0]), min(a[1], b[1])
    return (low, high) if low <= high else None


class Struct:
    def __init__(self, name, versions):
        self.name, self.versions, self.fields = name, versions, []
        self.c = None  # the C name behind 'struct '
        self.needs_default_test = False


class Field:
    def __init__(self, name, type_name, array, versions, nullable):
        self.name, self.type, self.array, self.versions, self.nullable = name, type_name, array, versions, nullable
        self.json, self.c = camel(name), name + ('_' if name in KEYWORDS else '')
        self.tag, self.default, self.rigid = None, None, False
        self.struct = self.entity = None  # entity: what kind of name or id it is

    @property
    def pointer(self):
        return self.struct is not None and not self.array and self.nullable is not None


class Message:
    def __init__(self, kind, name, key):
        self.kind, self.name, self.key = kind, name, key
        self.root, self.structs = None, []
        self.versions = self.flexible = self.unstable = None


class Schema:
    """One file: an api with request and response, a record with key and value, or data."""

    def __init__(self, path):
        self.path, self.base = path, os.path.splitext(os.path.basename(path))[0]
        self.messages, self.kind, self.key, self.name, self.log = [], None, -1, None, None
        self.on, self.advertise, self.options = [], None, []
        self.parse()

    def parse(self):
        message, stack = None, []
        with open(self.path) as f:
            for number, line in enumerate(f, 1):
                text = line.split('#')[0].rstrip()
                if not text:
                    continue
                indent, words = len(text) - len(text.lstrip()), text.split()
                try:
                    if indent == 0 and words[0] in ('api', 'record', 'data'):
                        self.parse_head(words)
                    elif indent == 0:
                        message = self.parse_message(words)
                        stack = [(4, message.root)]
                    elif indent == 2 and words[0] == 'struct':
                        s = Struct(words[1], meet(parse_range(words[2]), message.versions) if words[2:]
                                   else message.versions)
                        message.structs.append(s)
                        stack = [(4, s)]
                    else:
                        self.parse_field(message, stack, indent, words)
                except (SchemaError, IndexError) as e:
                    raise SchemaError(f'{self.path}:{number}: {e}') from None
        for m in self.messages:
            self.resolve(m)

    def parse_head(self, words):
        self.kind = words[0]
        if self.kind == 'api':
            self.key, self.name = int(words[1]), words[2]
            rest = iter(words[3:])
            for w in rest:
                if w in LISTENERS:
                    self.on.append(w)
                elif w == 'advertise':
                    self.advertise = parse_range(next(rest))
                elif w in ('cluster-action', 'forwardable'):
                    self.options.append(w)
                elif w != 'on':
                    raise SchemaError(f'unknown word {w}')
        elif self.kind == 'record':
            self.log, self.key, self.name = words[1], int(words[2]), words[3]
            if self.log not in LOGS:
                raise SchemaError(f'unknown log {self.log}')
        else:
            self.name = words[1]

    def parse_message(self, words):
        kind = words[0]
        suffix = {'request': 'Request', 'response': 'Response', 'key': 'Key', 'value': 'Value'}[kind]
        lone = self.kind == 'data' or self.log in ('metadata', 'remote')
        m = Message(kind, self.name + ('' if lone else suffix), self.key)
        m.versions = parse_range(words[1])
        rest = iter(words[2:])
        for w in rest:
            if w == 'flexible':
                since = next(rest)
                m.flexible = m.versions if since == 'all' else meet(parse_range(since), m.versions)
            elif w == 'unstable':
                m.unstable = int(next(rest))
            else:
                raise SchemaError(f'unknown word {w}')
        m.root = Struct(m.name, m.versions)
        self.messages.append(m)
        return m

    def parse_field(self, message, stack, indent, words):
        while stack and stack[-1][0] > indent:
            stack.pop()
        if not stack or stack[-1][0] != indent:
            raise SchemaError('indentation fits no struct')
        within = stack[-1][1]
        m = re.fullmatch(r'(\[?)(\w+)\]?(?:(\?)(\S+)?)?', words[1])
        if not m:
            raise SchemaError(f'not a type: {words[1]}')
        rest = words[2:]
        versions = within.versions
        if rest and rest[0][0].isdigit():
            versions = meet(parse_range(rest.pop(0)), versions)
        if versions is None:
            raise SchemaError('no version of the message has this field')
        nullable = None
        if m[3]:
            nullable = meet(parse_range(m[4]), versions) if m[4] else versions
        f = Field(words[0], m[2], bool(m[1]), versions, nullable)
        rest = iter(rest)
        for w in rest:
            if w == '=':
                f.default = next(rest)
            elif w == 'tag':
                f.tag = int(next(rest))
            elif w == 'json':
                f.json = next(rest)
            elif w == 'is':
                f.entity = next(rest)
            elif w == 'rigid':
                f.rigid = True
            elif w not in ('key', 'ignorable'):
                raise SchemaError(f'unknown word {w}')
        within.fields.append(f)
        if f.type not in PRIMITIVES:
            # Fields further in make this struct; without any it is one of the message's common structs.
            s = Struct(f.type, versions)
            f.struct = s
            stack.append((indent + 4, s))

    def resolve(self, m):
        """Bind struct types to their definitions, order them so that each comes after those it holds."""
        common = {s.name: s for s in m.structs}
        ordered, under_way = [], []

        def walk(s):
            if s in under_way:
                raise SchemaError(f'{self.path}: {s.name} is used within itself')
            under_way.append(s)
            for f in s.fields:
                if f.struct is None:
                    continue
                if not f.struct.fields:
                    if f.type not in common:
                        raise SchemaError(f'{self.path}: nothing says what {f.type} is')
                    f.struct = common[f.type]
                if f.struct not in ordered:
                    walk(f.struct)
                if f.tag is not None and not f.array:
                    mark(f.struct)
            under_way.pop()
            ordered.append(s)

        def mark(s):
            s.needs_default_test = True
            for f in s.fields:
                if f.struct is not None and not f.array:
                    mark(f.struct)

        walk(m.root)
        m.all = ordered
        m.c = snake(m.name)
        for s in ordered:
            s.c = 'kp_' + m.c + ('' if s is m.root else '_' + snake(s.name))


def condition(versions, context):
    """C text that is true in `versions`, given that the version is in `context`; '' if always."""
    low = versions[0] > context[0]
    high = versions[1] < context[1]
    if low and high:
        if versions[0] == versions[1]:
            return f'version == {versions[0]}'
        return f'version >= {versions[0]} && version <= {versions[1]}'
    return f'version >= {versions[0]}' if low else f'version <= {versions[1]}' if high else ''


def flag(name, versions, context):
    """C text of a flag that is set in `versions`."""
    versions = meet(versions, context)
    if versions is None:
        return ''
    c = condition(versions, context)
    return f'({c} ? {name} : 0u)' if c else name


class Out:
    def __init__(self):
        self.lines, self.depth = [], 0

    def __call__(self, text=''):
        self.lines.append('    ' * self.depth + text if text else '')

    def open(self, text):
        self(text + ' {' if text else '{')
        self.depth += 1

    def close(self, text='}'):
        self.depth -= 1
        self(text)

    def text(self):
        return '\n'.join(self.lines) + '\n'


class Codec:
    def __init__(self, schema, message):
        self.schema, self.m = schema, message
        self.flexible = message.flexible

    # ---- header

    def struct(self, o, s):
        o(f'struct {s.c} {{')
        o.depth += 1
        if not s.fields:
            o('char unused; /* the struct has no fields */')
        for f in s.fields:
            t = f'struct {f.struct.c}' if f.struct else PRIMITIVES[f.type][0]
            note = []
            if f.versions != s.versions:
                note.append(range_text(f.versions, s.versions))
            if f.tag is not None:
                note.append(f'tag {f.tag}')
            if f.nullable:
                note.append('may be null')
            note = f' /* {", ".join(note)} */' if note else ''
            if f.array:
                o(f'{t} *{f.c};{note}')
                o(f'int32_t {f.c}_n;')
            else:
                o(f'{t} {"*" if f.pointer else ""}{f.c};{note}')
        o.depth -= 1
        o('};')

    def header(self, o):
        m, c, upper = self.m, self.m.c, self.m.c.upper()
        o()
        o('enum {')
        o.depth += 1
        o(f'KP_{upper}_VERSION_MIN = {m.versions[0]},')
        o(f'KP_{upper}_VERSION_MAX = {m.versions[1]},')
        if self.schema.kind == 'record':
            suffix = 'KEY' if self.schema.log in ('metadata', 'remote') else 'TYPE'
            o(f'KP_{upper}_{suffix} = {m.key},')
        o.depth -= 1
        o('};')
        for s in m.all:
            self.struct(o, s)
        for s in m.all:
            o(f'void {s.c}_init(struct {s.c} *out);')
        o(f'int kp_{c}_read(struct kp_reader *r, struct arena *a, int16_t version, struct kp_{c} *out) MUST_USE;')
        o(f'void kp_{c}_write(struct kp_writer *w, int16_t version, const struct kp_{c} *in);')
        o(f'extern const struct kp_message kp_{c}_message;')
        o(f'static inline void kp_{c}_print(struct strbuf *b, int16_t version, const struct kp_{c} *in)')
        o('{')
        o(f'    kp_print(b, version, kp_{c}_message.shape, in);')
        o('}')

    # ---- defaults

    def default(self, f):
        """C text of the default, None where zero bytes are it."""
        null = f.default == 'null'
        if f.array:
            return None
        if f.struct:
            return None
        if f.type in ('string', 'bytes'):
            return None if null else 'KP_EMPTY'
        if f.type == 'records':
            return None if null or f.nullable else '{.s = KP_EMPTY}'
        if f.default in (None, '0', 'false'):
            return None
        if f.type == 'int64':
            return 'INT64_MIN' if f.default == str(-2**63) else f'INT64_C({f.default})'
        if f.default == '-2147483648':
            return 'INT32_MIN'
        return f.default

    def initializer(self, s):
        parts = []
        for f in s.fields:
            d = self.default(f)
            if d is not None:
                parts.append(f'.{f.c} = {d}')
            elif f.array and f.default == 'null':
                parts.append(f'.{f.c}_n = -1')
            elif f.struct and not f.array and not f.pointer:
                parts.append(f'.{f.c} = {self.initializer(f.struct)}')
            elif f.pointer and f.default != 'null':
                parts.append(f'.{f.c} = (struct {f.struct.c} *)(uintptr_t)&{f.struct.c}_default')
        return '{' + (', '.join(parts) or '0') + '}'

    def init(self, o, s):
        o(f'void {s.c}_init(struct {s.c} *out)')
        o.open('')
        o(f'*out = (struct {s.c}){self.initializer(s)};')
        o.close()

    # ---- shape

    def shape(self, o, s):
        name = s.c
        if s.fields:
            o(f'static const struct kp_field {name}_fields[] = {{')
            o.depth += 1
            for f in s.fields:
                flags = []
                if f.array:
                    flags.append('KP_F_ARRAY')
                if f.pointer:
                    flags.append('KP_F_POINTER')
                if f.tag is not None:
                    flags.append('KP_F_TAGGED')
                if f.default == 'null':
                    flags.append('KP_F_NULL_DEFAULT')
                parts = [f'.name = "{f.json}"', f'.offset = offsetof(struct {name}, {f.c})',
                         '.type = ' + ('KP_STRUCT' if f.struct else PRIMITIVES[f.type][2])]
                if f.array:
                    parts.append(f'.offset_n = offsetof(struct {name}, {f.c}_n)')
                if flags:
                    parts.append('.flags = ' + ' | '.join(flags))
                if f.struct:
                    parts.append(f'.sub = &{f.struct.c}_shape')
                elif f.default not in (None, 'null', 'false', '0'):
                    d = {'true': '1'}.get(f.default, self.default(f))
                    parts.append(f'.def = {d}')
                parts.append(f'.since = {f.versions[0]}, .until = {f.versions[1]}')
                if f.nullable:
                    parts.append(f'.null_since = {f.nullable[0]}, .null_until = {f.nullable[1]}')
                else:
                    parts.append('.null_since = 1')
                o('{' + ', '.join(parts) + '},')
            o.depth -= 1
            o('};')
        o(f'static void {name}_init_any(void *out) {{ {name}_init(out); }}')
        o(f'static const struct kp_shape {name}_shape = {{')
        o(f'    .name = "{s.name}", .size = sizeof(struct {name}), .init = {name}_init_any,')
        if s.fields:
            o(f'    .fields = {name}_fields, .fields_n = {len(s.fields)},')
        o('};')

    # ---- reading

    def bytes_min(self, s, context, seen=()):
        """The fewest bytes a struct takes in any version of the context."""
        if s in seen:
            return 1
        n = 0
        for f in s.fields:
            if f.tag is not None or meet(context, f.versions) is None:
                continue
            if f.versions[0] > context[0] or f.versions[1] < context[1]:
                continue
            n += self.field_bytes_min(f, context, seen + (s,))
        if self.flexible and self.flexible[0] <= context[0]:
            n += 1
        return max(n, 1)

    def field_bytes_min(self, f, context, seen):
        compact = self.flexible and self.flexible[0] <= context[1] and not f.rigid
        if f.array or f.type in ('bytes', 'records'):
            return 1 if compact else 4
        if f.struct:
            return 1 if f.pointer else self.bytes_min(f.struct, context, seen)
        if f.type == 'string':
            return 1 if compact else 2
        return PRIMITIVES[f.type][3]

    def flags(self, f, context, tagged=False):
        parts = []
        if not f.rigid and self.flexible:
            if tagged:
                parts.append('KP_COMPACT')
            else:
                parts.append(flag('KP_COMPACT', self.flexible, context))
        if f.nullable:
            parts.append(flag('KP_NULLABLE', f.nullable, context))
        parts = [p for p in parts if p]
        return parts[0].strip('()') if len(parts) == 1 else ' | '.join(parts) or '0'

    def read_field(self, o, f, context, tagged=False):
        target = f'out->{f.c}'
        flags = self.flags(f, context, tagged)
        if f.array and f.struct:
            o(f'{target}_n = kp_read_array_len(r, {flags}, {self.bytes_min(f.struct, context)});')
            o(f'{target} = kp_read_alloc(r, a, {target}_n, sizeof *{target});')
            o(f'for (int32_t i = 0; i < {target}_n && !r->err; i++)')
            o(f'    read_{f.struct.local}(r, a, version, &{target}[i]);')
        elif f.array:
            o(f'{target}_n = kp_read_{PRIMITIVES[f.type][1]}_array(r, a, {flags}, &{target});')
        elif f.pointer:
            null = meet(f.nullable, context)
            read = [f'{target} = kp_read_alloc(r, a, 1, sizeof *{target});',
                    f'if ({target}) read_{f.struct.local}(r, a, version, {target});']
            if null:
                c = condition(null, context)
                marker = 'kp_read_uvarint(r) == 0' if tagged else 'kp_read_i8(r) < 0'
                o.open(f'if ({"(" + c + ") && " if c else ""}{marker})')
                o(f'{target} = NULL;')
                o.close('} else {')
                o.depth += 1
                for line in read:
                    o(line)
                o.close()
            else:
                for line in read:
                    o(line)
        elif f.struct:
            o(f'read_{f.struct.local}(r, a, version, &{target});')
        elif f.type in ('string', 'bytes', 'records'):
            o(f'{target} = kp_read_{f.type}(r, {flags});')
        else:
            o(f'{target} = kp_read_{PRIMITIVES[f.type][1]}(r);')

    def read(self, o, s):
        context = s.versions
        o(f'static void read_{s.local}(struct kp_reader *r, struct arena *a, int16_t version, struct {s.c} *out)')
        o.open('')
        o('(void)r, (void)a, (void)version;')
        o(f'{s.c}_init(out);')
        for cond, fields in grouped([f for f in s.fields if f.tag is None], context):
            if cond:
                o.open(f'if ({cond})')
            for f in fields:
                self.read_field(o, f, meet(f.versions, context))
            if cond:
                o.close()
        flexible = meet(self.flexible, context)
        if flexible:
            c = condition(flexible, context)
            tagged = sorted((f for f in s.fields if f.tag is not None), key=lambda f: f.tag)
            if not tagged:
                o((f'if ({c}) ' if c else '') + 'kp_skip_tags(r);')
            else:
                if c:
                    o.open(f'if ({c})')
                o.open('for (uint32_t left = kp_read_uvarint(r); left > 0 && !r->err; left--)')
                o('const uint8_t *after;')
                o('uint32_t tag = kp_read_tag(r, &after);')
                for f in tagged:
                    inside = meet(f.versions, flexible)
                    fc = condition(inside, flexible)
                    o.open(f'if (tag == {f.tag}{" && " + fc if fc else ""})')
                    self.read_field(o, f, inside, tagged=True)
                    o('kp_read_tag_end(r, after);')
                    o('continue;')
                    o.close()
                o('kp_read_tag_skip(r, after);')
                o.close()
                if c:
                    o.close()
        o.close()

    # ---- writing

    def is_default(self, f, base):
        v = f'{base}->{f.c}'
        null = f.default == 'null'
        if f.array:
            return f'{v}_n {"< 0" if null else "== 0"}'
        if f.pointer:
            return f'!{v}' if null else f'({v} && default_{f.struct.local}({v}))'
        if f.struct:
            return f'default_{f.struct.local}(&{v})'
        if f.type in ('string', 'bytes'):
            return f'!{v}.p' if null else (f'({v}.p && {v}.n == 0)' if f.nullable else f'{v}.n == 0')
        if f.type == 'records':
            raise SchemaError(f'{self.schema.path}: records cannot be tagged')
        if f.type == 'uuid':
            return f'uuid_is_zero({v})'
        if f.type == 'bool':
            return v if f.default == 'true' else f'!{v}'
        return f'{v} == {self.default(f) or 0}'

    def default_test(self, o, s):
        o(f'static bool default_{s.local}(const struct {s.c} *in)')
        o.open('')
        o('return ' + (' && '.join(self.is_default(f, 'in') for f in s.fields) or 'in != NULL') + ';')
        o.close()

    def write_field(self, o, f, context, tagged=False):
        v = f'in->{f.c}'
        flags = self.flags(f, context, tagged)
        if f.array and f.struct:
            o(f'kp_write_array_len(w, {flags}, {v}_n);')
            o(f'for (int32_t i = 0; i < {v}_n; i++) write_{f.struct.local}(w, version, &{v}[i]);')
        elif f.array:
            o(f'kp_write_{PRIMITIVES[f.type][1]}_array(w, {flags}, {v}, {v}_n);')
        elif f.pointer:
            null = meet(f.nullable, context)
            write = f'write_{f.struct.local}(w, version, {v});'
            default = f'write_{f.struct.local}(w, version, &{f.struct.c}_default);'
            if null:
                c = condition(null, context)
                if c:
                    o.open(f'if ({c})')
                if tagged:
                    o(f'kp_write_uvarint(w, {v} ? 1 : 0);')
                else:
                    o(f'kp_write_i8(w, {v} ? 1 : -1);')
                o(f'if ({v}) {write}')
                if c:
                    o.close(f'}} else if ({v}) {write}')
                    o(f'else {default}')
            else:
                o(f'if ({v}) {write}')
                o(f'else {default}')
        elif f.struct:
            o(f'write_{f.struct.local}(w, version, &{v});')
        elif f.type == 'records':
            o(f'kp_write_records(w, {flags}, &{v});')
        elif f.type in ('string', 'bytes'):
            o(f'kp_write_{f.type}(w, {flags}, {v});')
        else:
            o(f'kp_write_{PRIMITIVES[f.type][1]}(w, {v});')

    def write(self, o, s):
        context = s.versions
        o(f'static void write_{s.local}(struct kp_writer *w, int16_t version, const struct {s.c} *in)')
        o.open('')
        o('(void)w, (void)version, (void)in;')
        for cond, fields in grouped([f for f in s.fields if f.tag is None], context):
            if cond:
                o.open(f'if ({cond})')
            for f in fields:
                self.write_field(o, f, meet(f.versions, context))
            if cond:
                o.close()
        flexible = meet(self.flexible, context)
        if flexible:
            c = condition(flexible, context)
            tagged = sorted((f for f in s.fields if f.tag is not None), key=lambda f: f.tag)
            if not tagged:
                o((f'if ({c}) ' if c else '') + 'kp_write_uvarint(w, 0);')
            else:
                if c:
                    o.open(f'if ({c})')
                for f in tagged:
                    fc = condition(meet(f.versions, flexible), flexible)
                    test = self.is_default(f, 'in')
                    test = f'!({test})'
                    if fc:
                        test = f'{"(" + fc + ")" if "&&" in fc else fc} && {test}'
                    o(f'const bool tag{f.tag} = {test};')
                o('kp_write_uvarint(w, ' + ' + '.join(f'(uint32_t)tag{f.tag}' for f in tagged) + ');')
                for f in tagged:
                    o.open(f'if (tag{f.tag})')
                    o(f'size_t at = kp_tag_open(w, {f.tag});')
                    self.write_field(o, f, meet(f.versions, flexible), tagged=True)
                    o('kp_tag_close(w, at);')
                    o.close()
                if c:
                    o.close()
        o.close()

    def source(self, o):
        m, c = self.m, self.m.c
        for s in m.all:
            s.local = s.c[3:]
        # Structs behind a pointer whose default is not null, or which older versions cannot leave out.
        valued = {f.struct.c: f.struct for s in m.all for f in s.fields
                  if f.pointer and (f.default != 'null' or f.nullable != f.versions)}
        for s in m.all:
            if s.c in valued:
                o(f'static const struct {s.c} {s.c}_default = {self.initializer(s)};')
        for s in m.all:
            o()
            self.init(o, s)
            self.shape(o, s)
            if s.needs_default_test:
                self.default_test(o, s)
            self.read(o, s)
            self.write(o, s)
        o()
        o(f'int kp_{c}_read(struct kp_reader *r, struct arena *a, int16_t version, struct kp_{c} *out)')
        o.open('')
        o(f'if (version < KP_{c.upper()}_VERSION_MIN || version > KP_{c.upper()}_VERSION_MAX)')
        o('    kp_fail(r, ERR_UNSUPPORTED_VERSION);')
        o(f'read_{m.root.local}(r, a, version, out);')
        o('return r->err;')
        o.close()
        o(f'void kp_{c}_write(struct kp_writer *w, int16_t version, const struct kp_{c} *in)')
        o.open('')
        o(f'ASSERT(version >= KP_{c.upper()}_VERSION_MIN && version <= KP_{c.upper()}_VERSION_MAX);')
        o(f'write_{m.root.local}(w, version, in);')
        o.close()
        o('static int '
          f'{m.root.local}_read_any(struct kp_reader *r, struct arena *a, int16_t version, void *out)')
        o('{')
        o(f'    return kp_{c}_read(r, a, version, out);')
        o('}')
        o(f'static void {m.root.local}_write_any(struct kp_writer *w, int16_t version, const void *in)')
        o('{')
        o(f'    kp_{c}_write(w, version, in);')
        o('}')
        stable = m.unstable - 1 if m.unstable is not None else m.versions[1]
        o(f'const struct kp_message kp_{c}_message = {{')
        o(f'    .name = "{m.name}", .shape = &{m.root.c}_shape, .key = {m.key},')
        o(f'    .version_min = {m.versions[0]}, .version_max = {m.versions[1]}, .version_max_stable = {stable},')
        o(f'    .flexible_since = {m.flexible[0] if m.flexible else "INT16_MAX"},')
        o(f'    .read = {m.root.local}_read_any, .write = {m.root.local}_write_any,')
        o('};')


def range_text(versions, context):
    if versions[1] == context[1]:
        return f'{versions[0]}+'
    return str(versions[0]) if versions[0] == versions[1] else f'{versions[0]}-{versions[1]}'


def grouped(fields, context):
    """Runs of neighbouring fields under the same condition."""
    runs = []
    for f in fields:
        c = condition(f.versions, context)
        if runs and runs[-1][0] == c:
            runs[-1][1].append(f)
        else:
            runs.append((c, [f]))
    return runs


WARNING = '/* Made by tools/kpgen.py from {}; change that, not this. */'


def emit_schema(schema, files):
    h, c = Out(), Out()
    source = f'proto/{os.path.basename(os.path.dirname(schema.path))}/{schema.base}.kp'
    guard = f'KP_{schema.base.upper()}_H'
    h(WARNING.format(source))
    h(f'#ifndef {guard}')
    h(f'#define {guard}')
    h()
    h('#include "kp/kp.h"')
    c(WARNING.format(source))
    c(f'#include "kp/{schema.base}.h"')
    for m in schema.messages:
        codec = Codec(schema, m)
        codec.header(h)
        codec.source(c)
    h()
    h('#endif')
    files[schema.base + '.h'] = h.text()
    files[schema.base + '.c'] = c.text()


API_H = '''\
/* Made by tools/kpgen.py from proto/; change that, not this. The tables over all APIs and stored records. */
#ifndef KP_API_H
#define KP_API_H

#include "kp/kp.h"

enum kp_api_key {
%(keys)s
};

/* Listeners that answer an API. */
#define KP_ON_BROKER 1u
#define KP_ON_CONTROLLER 2u

struct kp_api {
    int16_t key;
    int16_t version_min, version_max; /* valid requests, unstable versions included */
    int16_t version_max_stable;
    int16_t advertise_min; /* what ApiVersions announces: version_min, except where old clients need to see more */
    int16_t flexible_since; /* INT16_MAX: never */
    uint8_t on;             /* KP_ON_*; 0: no listener, only inside a broker */
    bool cluster_action;    /* between brokers only: needs ClusterAction on the cluster */
    bool forwardable;       /* a broker forwards it to the active controller */
    const char *name;
    const struct kp_message *request, *response;
};
extern const struct kp_api kp_apis[]; /* ascending keys */
#define KP_APIS_N %(apis_n)d
#define KP_API_KEY_MAX %(key_max)d

/* NULL if there is none of this key. */
const struct kp_api *kp_api_find(int16_t key);
bool kp_api_supports(const struct kp_api *api, int16_t version);
/* 2 in flexible versions, else 1. */
int16_t kp_request_header_version(const struct kp_api *api, int16_t version);
/* 1 in flexible versions, else 0; always 0 for ApiVersions. */
int16_t kp_response_header_version(const struct kp_api *api, int16_t version);
/* The message as JSON; in is what the request's or response's read filled. The key must exist. */
void kp_request_print(struct strbuf *b, int16_t key, int16_t version, const void *in);
void kp_response_print(struct strbuf *b, int16_t key, int16_t version, const void *in);

/* The logs that store records of our schemas. */
enum kp_log {
%(logs)s
};
struct kp_record {
    int16_t type;
    const char *name;
    const struct kp_message *key; /* NULL in KP_LOG_METADATA and KP_LOG_REMOTE */
    const struct kp_message *value;
};
/* NULL if the log has no records of this type. */
const struct kp_record *kp_record_find(enum kp_log log, int16_t type);

/* Every message there is, NULL at the end. */
extern const struct kp_message *const kp_messages[];

#endif
'''

API_C = '''\
/* Made by tools/kpgen.py from proto/; change that, not this. */
#include "kp/kp_api.h"

%(includes)s

const struct kp_api kp_apis[] = {
%(apis)s
};
_Static_assert(NELEMS(kp_apis) == KP_APIS_N, "one row an API");

static const uint8_t api_rows[KP_API_KEY_MAX + 1] = {
%(rows)s
};

const struct kp_api *kp_api_find(int16_t key)
{
    if (key < 0 || key > KP_API_KEY_MAX || api_rows[key] == 0) return NULL;
    return &kp_apis[api_rows[key] - 1];
}

bool kp_api_supports(const struct kp_api *api, int16_t version)
{
    return version >= api->version_min && version <= api->version_max;
}

int16_t kp_request_header_version(const struct kp_api *api, int16_t version)
{
    return version >= api->flexible_since ? 2 : 1;
}

int16_t kp_response_header_version(const struct kp_api *api, int16_t version)
{
    return version >= api->flexible_since && api->key != KP_API_API_VERSIONS ? 1 : 0;
}

void kp_request_print(struct strbuf *b, int16_t key, int16_t version, const void *in)
{
    const struct kp_api *api = kp_api_find(key);
    ASSERT(api);
    kp_print(b, version, api->request->shape, in);
}

void kp_response_print(struct strbuf *b, int16_t key, int16_t version, const void *in)
{
    const struct kp_api *api = kp_api_find(key);
    ASSERT(api);
    kp_print(b, version, api->response->shape, in);
}

%(records)s
static const struct {
    const struct kp_record *rows;
    size_t n;
} logs[] = {
%(log_rows)s
};

const struct kp_record *kp_record_find(enum kp_log log, int16_t type)
{
    for (size_t i = 0; i < logs[log].n; i++)
        if (logs[log].rows[i].type == type) return &logs[log].rows[i];
    return NULL;
}

const struct kp_message *const kp_messages[] = {
%(messages)s
    NULL,
};
'''


def emit_api(schemas, files):
    apis = sorted((s for s in schemas if s.kind == 'api'), key=lambda s: s.key)
    rows = []
    for s in apis:
        q = s.messages[0]
        stable = q.unstable - 1 if q.unstable is not None else q.versions[1]
        rows.append(
            f'    {{.key = {s.key}, .name = "{s.name}", .version_min = {q.versions[0]}, .version_max = {q.versions[1]},\n'
            f'     .version_max_stable = {stable}, .advertise_min = {(s.advertise or q.versions)[0]},\n'
            f'     .flexible_since = {q.flexible[0] if q.flexible else "INT16_MAX"}, '
            f'.on = {" | ".join(LISTENERS[w] for w in s.on) or 0},\n'
            f'     .cluster_action = {str("cluster-action" in s.options).lower()}, '
            f'.forwardable = {str("forwardable" in s.options).lower()},\n'
            f'     .request = &kp_{s.messages[0].c}_message, .response = &kp_{s.messages[1].c}_message}},')
    records, log_rows = [], []
    for log in LOGS:
        of_log = sorted((s for s in schemas if s.log == log), key=lambda s: s.key)
        if not of_log:
            continue
        records.append(f'static const struct kp_record {log}_records[] = {{')
        for s in of_log:
            by_kind = {m.kind: f'&kp_{m.c}_message' for m in s.messages}
            records.append(f'    {{{s.key}, "{s.name}", {by_kind.get("key", "NULL")}, {by_kind["value"]}}},')
        records.append('};')
        log_rows.append(f'    [KP_LOG_{log.upper()}] = {{{log}_records, NELEMS({log}_records)}},')
        files[f'{log}_records.h'] = (
            f'{WARNING.format("proto/" + log)}\n#ifndef KP_{log.upper()}_RECORDS_H\n#define KP_{log.upper()}_RECORDS_H\n\n'
            + ''.join(f'#include "kp/{s.base}.h"\n' for s in of_log) + '\n#endif\n')
    files['kp_api.h'] = API_H % {
        'keys': '\n'.join(f'    KP_API_{snake(s.name).upper()} = {s.key},' for s in apis),
        'apis_n': len(apis),
        'key_max': apis[-1].key if apis else 0,
        'logs': '\n'.join(f'    KP_LOG_{log.upper()},' for log in LOGS),
    }
    files['kp_api.c'] = API_C % {
        'includes': '\n'.join(f'#include "kp/{s.base}.h"' for s in schemas),
        'apis': '\n'.join(rows),
        'rows': '\n'.join(f'    [{s.key}] = {i + 1},' for i, s in enumerate(apis)),
        'records': '\n'.join(records),
        'log_rows': '\n'.join(log_rows),
        'messages': '\n'.join(f'    &kp_{m.c}_message,' for s in schemas for m in s.messages),
    }


def main():
    proto, out = sys.argv[1:3]
    paths = sorted(os.path.join(d, f) for d, _, fs in os.walk(proto) for f in fs if f.endswith('.kp'))
    try:
        schemas = [Schema(p) for p in paths]
        files = {}
        for s in schemas:
            if s.base + '.h' in files:
                raise SchemaError(f'{s.path}: another schema file has this name')
            emit_schema(s, files)
        emit_api(schemas, files)
    except SchemaError as e:
        sys.exit(f'kpgen: {e}')
    os.makedirs(out, exist_ok=True)
    for name in os.listdir(out):
        if name.endswith(('.c', '.h')) and name not in files:
            os.remove(os.path.join(out, name))
    for name, text in files.items():
        path = os.path.join(out, name)
        try:
            with open(path) as f:
                if f.read() == text:
                    continue
        except FileNotFoundError:
            pass
        with open(path, 'w') as f:
            f.write(text)


if __name__ == '__main__':
    main()
