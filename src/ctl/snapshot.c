#include "ctl/snapshot.h"
#include "kp/batch.h"
#include "kp/kraft_version_record.h"
#include "kp/snapshot_footer_record.h"
#include "kp/snapshot_header_record.h"
#include "kp/voters_record.h"

#include <stdio.h>
#include <stdlib.h>

/* Bounds of one batch, as Kafka's writer has them. */
#define BATCH_RECORDS_MAX 1024
#define BATCH_BYTES_MAX ((size_t)4 << 20)

/* ---- the quorum ---- */
void quorum_fini(struct quorum *q)
{
    free(q->voters);
    *q = (struct quorum){0};
}

int quorum_apply(struct quorum *q, int control, struct slice value, int64_t offset, char why[IMAGE_WHY_BYTES])
{
    struct kp_reader in = kp_reader_of(value);
    struct arena a;
    int rc = 0;
    in.mem_max = 64 * value.n + 65536;
    arena_init(&a);
    if (control == CONTROL_KRAFT_VERSION) {
        struct kp_kraft_version_record r;
        rc = kp_kraft_version_record_read(&in, &a, 0, &r);
        if (rc == 0 && (r.k_raft_version < 0 || r.k_raft_version > 1)) {
            snprintf(why, IMAGE_WHY_BYTES,
                     "the feature kraft.version has level %d, but moldau supports 0 to 1 (offset %lld)",
                     r.k_raft_version, (long long)offset);
            rc = ERR_UNSUPPORTED_VERSION;
            goto out;
        }
        if (rc == 0) q->kraft_version = r.k_raft_version;
    } else if (control == CONTROL_VOTERS) {
        struct kp_voters_record r;
        rc = kp_voters_record_read(&in, &a, 0, &r);
        if (rc == 0) {
            free(q->voters);
            q->voters = xmalloc(value.n);
            q->voters_n = value.n;
            memcpy(q->voters, value.p, value.n);
        }
    } else if (control < CONTROL_LEADER_CHANGE || control > CONTROL_VOTERS) {
        snprintf(why, IMAGE_WHY_BYTES, "moldau does not know the control record type %d at offset %lld",
                 control, (long long)offset);
        rc = ERR_UNSUPPORTED_VERSION;
        goto out;
    }
    if (rc)
        snprintf(why, IMAGE_WHY_BYTES, "the control record (type %d) at offset %lld is malformed", control,
                 (long long)offset);
out:
    arena_fini(&a);
    return rc;
}

int32_t quorum_only_voter(const struct quorum *q)
{
    struct kp_reader in = kp_reader_of(slice_of(q->voters, q->voters_n));
    struct kp_voters_record r;
    struct arena a;
    arena_init(&a);
    int rc = q->voters ? kp_voters_record_read(&in, &a, 0, &r) : ERR_FORMAT;
    int32_t id = rc == 0 && r.voters_n == 1 ? r.voters[0].voter_id : -1;
    arena_fini(&a);
    return id;
}

void quorum_found_voters(struct quorum *q, const struct kp_voters_record *voters)
{
    struct kp_writer w;
    kp_writer_init(&w, 64);
    kp_voters_record_write(&w, 0, voters);
    quorum_fini(q);
    q->kraft_version = 1;
    q->voters = kp_writer_take(&w, &q->voters_n);
}

void quorum_found(struct quorum *q, int32_t node_id, struct uuid dir_id, const char *listener,
                  const char *host, uint16_t port)
{
    struct kp_voters_record_endpoint e = {slice_cstr(listener), slice_cstr(host), port};
    struct kp_voters_record_voter v = {
        .voter_id = node_id, .voter_directory_id = dir_id, .endpoints = &e, .endpoints_n = 1};
    struct kp_voters_record voters = {.voters = &v, .voters_n = 1};
    v.k_raft_version_feature.max_supported_version = 1;
    quorum_found_voters(q, &voters);
}

static void add(struct batch_builder *b, int64_t now_ms, int16_t type, const struct kp_message *m,
                const void *record)
{
    struct kp_writer w;
    kp_writer_init(&w, 64);
    m->write(&w, 0, record);
    batch_add_control(b, now_ms, type, kp_writer_slice(&w));
    kp_writer_fini(&w);
}

void quorum_put(const struct quorum *q, int64_t now_ms, struct batch_builder *b)
{
    if (q->kraft_version < 1) return;
    struct kp_kraft_version_record version = {.k_raft_version = q->kraft_version};
    add(b, now_ms, CONTROL_KRAFT_VERSION, &kp_kraft_version_record_message, &version);
    if (q->voters) batch_add_control(b, now_ms, CONTROL_VOTERS, slice_of(q->voters, q->voters_n));
}

/* ---- snapshots ---- */
static void seal(struct batch_builder *b, int32_t epoch, int64_t *offset, struct kp_writer *out)
{
    if (!b->count) return;
    b->base_offset = *offset;
    b->leader_epoch = epoch;
    int rc = batch_finish(b, out);
    ASSERT(rc == 0); /* nothing is compressed */
    *offset += b->count;
    batch_builder_reset(b);
}

void snapshot_write(const struct ctl_records *rs, const struct quorum *q, int32_t epoch, int64_t last_ms,
                    int64_t now_ms, struct kp_writer *out)
{
    struct batch_builder b;
    int64_t offset = 0;
    struct kp_snapshot_header_record header = {.last_contained_log_timestamp = last_ms};
    struct kp_snapshot_footer_record footer = {0};
    batch_builder_init(&b);
    add(&b, now_ms, CONTROL_HEADER, &kp_snapshot_header_record_message, &header);
    quorum_put(q, now_ms, &b);
    seal(&b, epoch, &offset, out);
    for (int i = 0; i < rs->n; i++) {
        batch_add(&b, now_ms, (struct slice){0}, ctl_record(rs, i), NULL, 0);
        if (b.count == BATCH_RECORDS_MAX || batch_builder_bytes(&b) >= BATCH_BYTES_MAX)
            seal(&b, epoch, &offset, out);
    }
    seal(&b, epoch, &offset, out);
    add(&b, now_ms, CONTROL_FOOTER, &kp_snapshot_footer_record_message, &footer);
    seal(&b, epoch, &offset, out);
    batch_builder_fini(&b);
}

struct check {
    int64_t n, last_ms;
    bool footer;
};
static int check_record(void *arg, struct slice value, int64_t offset, int control)
{
    struct check *x = arg;
    struct kp_reader in = kp_reader_of(value);
    (void)offset;
    if ((x->n == 0) != (control == CONTROL_HEADER) || x->footer) return ERR_FORMAT;
    if (control == CONTROL_HEADER) {
        (void)kp_read_i16(&in);
        x->last_ms = kp_read_i64(&in);
        if (in.err) return in.err;
    }
    x->footer = control == CONTROL_FOOTER;
    x->n++;
    return 0;
}

int snapshot_read(struct slice bytes, int64_t *last_ms, ctl_record_cb *cb, void *arg,
                  char why[IMAGE_WHY_BYTES])
{
    struct check x = {.last_ms = -1};
    const char *wrong = NULL;
    struct batch_head h;
    size_t at = 0;
    for (; at < bytes.n && !wrong; at += (size_t)h.bytes) {
        struct slice rest = slice_of(bytes.p + at, bytes.n - at);
        int rc = batch_head_parse(rest, &h);
        if (rc == ERR_EOF) wrong = "it is cut short";
        else if (rc) wrong = "it holds bytes that are no record batch";
        else if (!batch_crc_ok(rest.p, h.bytes)) wrong = "a batch fails its checksum";
        else if (ctl_each(slice_of(rest.p, (size_t)h.bytes), check_record, &x))
            wrong = "its records are malformed";
        if (wrong) break;
    }
    if (!wrong && !x.footer) wrong = "it has no end";
    if (wrong) {
        snprintf(why, IMAGE_WHY_BYTES, "%s (at position %zu)", wrong, at);
        return ERR_FORMAT;
    }
    *last_ms = x.last_ms;
    int rc = 0;
    for (at = 0; at < bytes.n && rc == 0; at += (size_t)h.bytes) {
        rc = batch_head_parse(slice_of(bytes.p + at, bytes.n - at), &h);
        if (rc == 0) rc = ctl_each(slice_of(bytes.p + at, (size_t)h.bytes), cb, arg);
    }
    return rc;
}

/* ---- names ---- */
void snapshot_name(int64_t end_offset, int32_t epoch, char out[SNAPSHOT_NAME_BYTES])
{
    snprintf(out, SNAPSHOT_NAME_BYTES, "%020lld-%010d.checkpoint", (long long)end_offset, epoch);
}

bool snapshot_name_parse(const char *name, int64_t *end_offset, int32_t *epoch)
{
    if (strlen(name) != 42 || strspn(name, "0123456789") != 20 || name[20] != '-' ||
        strspn(name + 21, "0123456789") != 10 || strcmp(name + 31, ".checkpoint") != 0)
        return false;
    long long a = strtoll(name, NULL, 10), b = strtoll(name + 21, NULL, 10);
    if (a == INT64_MAX || b > INT32_MAX) return false; /* too large for their types */
    *end_offset = a;
    *epoch = (int32_t)b;
    return true;
}

/* ---- quorum-state ---- */
int quorum_state_read(struct slice text, int32_t *epoch)
{
    static const char key[] = "\"leaderEpoch\"";
    const uint8_t *at = text.n ? memmem(text.p, text.n, key, sizeof key - 1) : NULL;
    if (!at) return ERR_FORMAT;
    size_t i = (size_t)(at - text.p) + sizeof key - 1;
    while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\t')) i++;
    if (i == text.n || text.p[i++] != ':') return ERR_FORMAT;
    while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\t')) i++;
    int64_t v = 0;
    size_t first = i;
    for (; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && v < INT32_MAX; i++)
        v = v * 10 + (text.p[i] - '0');
    if (i == first || i == text.n || v >= INT32_MAX) return ERR_FORMAT;
    *epoch = (int32_t)v;
    return 0;
}

void quorum_state_write(struct strbuf *out, int16_t kraft_version, int32_t node_id, int32_t epoch)
{
    if (kraft_version >= 1)
        strbuf_printf(out,
                      "{\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":-1,\"votedDirectoryId\":"
                      "\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":1}",
                      node_id, epoch);
    else
        strbuf_printf(out,
                      "{\"clusterId\":\"\",\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":-1,"
                      "\"appliedOffset\":0,\"currentVoters\":[{\"voterId\":%d}],\"data_version\":0}",
                      node_id, epoch, node_id);
}
