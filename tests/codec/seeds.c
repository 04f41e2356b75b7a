/* Writes one seed file for each message and version, each codec and some batches: seeds DIR makes
 * DIR/kp_fuzz, DIR/batch_fuzz, DIR/compress_fuzz and so on. They are made anew whenever they are needed and
 * never committed. */
#include "ctl/snapshot.h"
#include "kp/batch.h"
#include "kp/kp_api.h"
#include "kp/random.h"
#include "log/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static void put(const char *dir, const char *target, const char *name, struct slice s)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", dir, target, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(s.p, 1, s.n, f) != s.n || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* A record of the metadata log, if it is one. */
static void record(const char *dir, const struct kp_message *m, int16_t version, const char *name,
                   const void *value)
{
    struct ctl_records rs;
    struct kp_writer w;
    ctl_records_init(&rs);
    kp_writer_init(&w, 0);
    ctl_put(&rs, m, version, value);
    kp_write_i8(&w, 1);
    kp_write_u16(&w, (uint16_t)rs.w.n);
    kp_write_raw(&w, kp_writer_slice(&rs.w));
    put(dir, "image_fuzz", name, kp_writer_slice(&w));
    ctl_records_fini(&rs);
    kp_writer_fini(&w);
}

static void snapshots(const char *dir)
{
    struct ctl_records rs;
    struct kp_writer w;
    struct quorum q = {0};
    struct strbuf b;
    ctl_records_init(&rs);
    kp_writer_init(&w, 0);
    strbuf_init(&b);
    ctl_bootstrap_features(30, &rs);
    quorum_found(&q, 1, (struct uuid){{1}}, "CONTROLLER", "localhost", 9093);
    kp_write_i8(&w, 0);
    snapshot_write(&rs, &q, 1, 2, 3, &w);
    put(dir, "image_fuzz", "snapshot", kp_writer_slice(&w));
    strbuf_add_char(&b, 3);
    quorum_state_write(&b, 1, 1, 7);
    put(dir, "image_fuzz", "quorum-state", strbuf_slice(&b));
    put(dir, "storage_fuzz", "meta.properties",
        slice_cstr("version=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\nnode.id=1\ndirectory.id="
                   "AAAAAAAAAAAAAAAAAAAABQ\n"));
    put(dir, "checkpoint_fuzz", "checkpoint", slice_cstr("0\n2\nt 0 17\nlong.topic-name 12 34567\n"));
    put(dir, "checkpoint_fuzz", "txns", slice_cstr("0\n2\nt 0 17 3\nt 0 170 1\n"));
    journal_begin(&w, 7, 1); /* the run that the target reads */
    for (int i = 0; i < 3; i++) memset(journal_add(&w, (struct uuid){{1}}, i, 100), i, 100);
    journal_end(&w);
    put(dir, "journal_fuzz", "journal", kp_writer_slice(&w));
    ctl_records_fini(&rs);
    kp_writer_fini(&w);
    quorum_fini(&q);
    strbuf_fini(&b);
}

static void messages(const char *dir, struct prng *prng)
{
    for (size_t i = 0; kp_messages[i]; i++) {
        const struct kp_message *m = kp_messages[i];
        for (int16_t version = m->version_min; version <= m->version_max; version++) {
            struct arena a;
            struct kp_writer w;
            char name[200];
            arena_init(&a);
            kp_writer_init(&w, 0);
            void *value = arena_zalloc(&a, 1, m->shape->size);
            kp_random(prng, &a, version, m->shape, value);
            kp_write_u16(&w, (uint16_t)i);
            kp_write_i8(&w, (int8_t)(version - m->version_min));
            m->write(&w, version, value);
            snprintf(name, sizeof name, "%s-%d", m->name, version);
            put(dir, "kp_fuzz", name, kp_writer_slice(&w));
            if (m->key >= 0 && strstr(m->name, "Record")) record(dir, m, version, name, value);
            kp_writer_fini(&w);
            arena_fini(&a);
        }
    }
}

static void batches(const char *dir)
{
    for (int codec = 0; codec < KP_CODECS_N; codec++) {
        struct kp_writer batch, packed;
        struct batch_builder b;
        struct record_header header = {slice_cstr("name"), slice_cstr("value")};
        kp_writer_init(&batch, 0);
        kp_writer_init(&packed, 0);
        batch_builder_init(&b);
        b.codec = codec;
        batch_add(&b, 1, slice_cstr("key"), slice_cstr("value value value value"), &header, 1);
        batch_add(&b, 2, slice_of(NULL, 0), slice_of(NULL, 0), NULL, 0);
        kp_write_i8(&packed, (int8_t)codec);
        if (batch_finish(&b, &batch) ||
            kp_compress(codec, KP_LEVEL_DEFAULT, kp_writer_slice(&b.records), &packed))
            exit(1);
        put(dir, "batch_fuzz", kp_codec_name(codec), kp_writer_slice(&batch));
        put(dir, "compress_fuzz", kp_codec_name(codec), kp_writer_slice(&packed));
        batch_builder_fini(&b);
        kp_writer_fini(&batch);
        kp_writer_fini(&packed);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    struct prng prng;
    prng_init(&prng, 1);
    mkdir(argv[1], 0777);
    messages(argv[1], &prng);
    batches(argv[1]);
    snapshots(argv[1]);
    return 0;
}
