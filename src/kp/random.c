#include "kp/random.h"

static bool one_in(struct prng *prng, unsigned n)
{
    return prng_below(prng, n) == 0;
}

/* Half the time a number that fits a bit pattern of random width, else a border case. */
static uint64_t random_integer(struct prng *prng, unsigned bits)
{
    uint64_t ones = UINT64_MAX >> (64 - bits);
    switch (prng_below(prng, 8)) {
    case 0:
        return 0;
    case 1:
        return ones;
    case 2:
        return ones >> 1;
    case 3:
        return (ones >> 1) + 1;
    default:
        return prng_next(prng) >> (64 - bits) >> prng_below(prng, bits);
    }
}

static struct slice random_string(struct prng *prng, struct arena *a)
{
    static const char *const pieces[] = {"a",    "Z",  "0",  "-", "_",    ".",  "\"",    "\\",
                                         "/",    "\n", "\t", " ", "\x01", "\b", "\f",    "\x1f",
                                         "\x7f", "é",  "ß",  "€", "漢",   "😀",  "topic", "group-"};
    size_t n = one_in(prng, 20) ? 40 + prng_below(prng, 400) : prng_below(prng, 9);
    struct strbuf b;
    strbuf_init(&b);
    for (size_t i = 0; i < n; i++) strbuf_add_cstr(&b, pieces[prng_below(prng, NELEMS(pieces))]);
    struct slice s = arena_slice_dup(a, strbuf_slice(&b));
    strbuf_fini(&b);
    return s;
}

static struct slice random_bytes(struct prng *prng, struct arena *a)
{
    size_t n = one_in(prng, 20) ? 100 + prng_below(prng, 400) : prng_below(prng, 20);
    uint8_t *p = arena_alloc(a, n + 1);
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)prng_next(prng);
    return slice_of(p, n);
}

static void random_value(struct prng *prng, struct arena *a, int16_t version, const struct kp_field *f,
                         bool null, void *out)
{
    switch (f->type) {
    case KP_BOOL:
        *(bool *)out = one_in(prng, 2);
        break;
    case KP_I8:
    case KP_I16:
    case KP_U16:
    case KP_I32:
    case KP_U32:
    case KP_I64: {
        uint64_t v = random_integer(prng, f->type == KP_I8    ? 8
                                          : f->type <= KP_U16 ? 16
                                          : f->type <= KP_U32 ? 32
                                                              : 64);
        memcpy(out, &v, f->type == KP_I8 ? 1 : f->type <= KP_U16 ? 2 : f->type <= KP_U32 ? 4 : 8);
        break;
    }
    case KP_F64:
        *(double *)out = (double)(int64_t)random_integer(prng, 50) / (double)(1 << prng_below(prng, 20));
        break;
    case KP_UUID:
        if (!one_in(prng, 8)) *(struct uuid *)out = prng_uuid(prng);
        break;
    case KP_STRING:
        *(struct slice *)out = null ? (struct slice){NULL, 0} : random_string(prng, a);
        break;
    case KP_BYTES:
        *(struct slice *)out = null ? (struct slice){NULL, 0} : random_bytes(prng, a);
        break;
    case KP_RECORDS:
        *(struct kp_records *)out =
            (struct kp_records){.s = null ? (struct slice){NULL, 0} : random_bytes(prng, a)};
        break;
    default:
        kp_random(prng, a, version, f->sub, out);
        break;
    }
}

static size_t value_bytes(const struct kp_field *f)
{
    switch (f->type) {
    case KP_BOOL:
    case KP_I8:
        return 1;
    case KP_I16:
    case KP_U16:
        return 2;
    case KP_I32:
    case KP_U32:
        return 4;
    case KP_I64:
    case KP_F64:
        return 8;
    case KP_UUID:
        return sizeof(struct uuid);
    case KP_RECORDS:
        return sizeof(struct kp_records);
    case KP_STRUCT:
        return f->sub->size;
    default:
        return sizeof(struct slice);
    }
}

void kp_random(struct prng *prng, struct arena *a, int16_t version, const struct kp_shape *shape, void *out)
{
    shape->init(out);
    for (unsigned i = 0; i < shape->fields_n; i++) {
        const struct kp_field *f = &shape->fields[i];
        uint8_t *at = (uint8_t *)out + f->offset;
        if (version < f->since || version > f->until) continue;
        if ((f->flags & KP_F_TAGGED) && one_in(prng, 3)) continue;
        bool null = version >= f->null_since && version <= f->null_until && one_in(prng, 4);
        if (f->flags & KP_F_ARRAY) {
            int32_t n = null ? -1 : (int32_t)prng_below(prng, 4);
            uint8_t *v = n > 0 ? arena_zalloc(a, (size_t)n, value_bytes(f)) : NULL;
            for (int32_t k = 0; k < n; k++)
                random_value(prng, a, version, f, false, v + (size_t)k * value_bytes(f));
            *(uint8_t **)(void *)at = v;
            *(int32_t *)(void *)((uint8_t *)out + f->offset_n) = n;
        } else if (f->flags & KP_F_POINTER) {
            void *target = null ? NULL : arena_zalloc(a, 1, f->sub->size);
            if (target) kp_random(prng, a, version, f->sub, target);
            *(void **)(void *)at = target;
        } else random_value(prng, a, version, f, null, at);
    }
}
