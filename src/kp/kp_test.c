#include "kp/kp.h"

#include "base/test.h"
#include "kp/header.h"
#include "kp/random.h"

#define ROUNDS 12

/* Random instances of every message and version, as bytes: calls back with each. */
static void each_sample(void (*cb)(const struct kp_message *m, int16_t version, const void *value,
                                   struct slice bytes))
{
    struct prng prng;
    prng_init(&prng, 1);
    for (const struct kp_message *const *m = kp_messages; *m; m++)
        for (int16_t version = (*m)->version_min; version <= (*m)->version_max; version++)
            for (int i = 0; i < ROUNDS; i++) {
                struct arena a;
                arena_init(&a);
                void *value = arena_zalloc(&a, 1, (*m)->shape->size);
                kp_random(&prng, &a, version, (*m)->shape, value);
                struct kp_writer w;
                kp_writer_init(&w, 0);
                (*m)->write(&w, version, value);
                /* an exact copy, so that the sanitizer sees every byte read too far */
                uint8_t *exact = xmalloc(w.n + 1);
                if (w.n) memcpy(exact, w.p, w.n);
                exact = xrealloc(exact, w.n ? w.n : 1);
                cb(*m, version, value, slice_of(exact, w.n));
                free(exact);
                kp_writer_fini(&w);
                arena_fini(&a);
            }
}

static void round_trip_cb(const struct kp_message *m, int16_t version, const void *value, struct slice bytes)
{
    struct arena a;
    arena_init(&a);
    void *copy = arena_zalloc(&a, 1, m->shape->size);
    struct kp_reader r = kp_reader_of(bytes);
    int err = m->read(&r, &a, version, copy);
    struct kp_writer w;
    kp_writer_init(&w, 0);
    if (!err) m->write(&w, version, copy);
    struct strbuf before, after;
    strbuf_init(&before);
    strbuf_init(&after);
    kp_print(&before, version, m->shape, value);
    if (!err) kp_print(&after, version, m->shape, copy);
    if (err || kp_left(&r) || !slice_eq(bytes, kp_writer_slice(&w)) || strcmp(before.s, after.s) != 0) {
        printf("  %s version %d: error %d, %zu bytes left\n  wrote %s\n  read  %s\n", m->name, version, err,
               kp_left(&r), before.s, strbuf_cstr(&after));
        test_failures++;
    }
    strbuf_fini(&before);
    strbuf_fini(&after);
    kp_writer_fini(&w);
    arena_fini(&a);
}

TEST(every_message_and_version_reads_back_what_was_written)
{
    each_sample(round_trip_cb);
}

TEST_MAIN
