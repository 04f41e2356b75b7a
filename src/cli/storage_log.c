/* moldau storage metadata-log and metadata-copy: what the metadata log of a stopped node holds, and a copy of
 * its directory without one record, for a log that no start gets past. The directory itself is only read. In
 * the copy a NoOpRecord stands where the record was, so every offset stays what it is. */
#include "cli/dump_log.h"
#include "cli/storage_int.h"
#include "kp/no_op_record.h"
#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_BYTES_MAX ((size_t)1 << 31)
#define BODY_BYTES_MAX ((size_t)1 << 30)

struct names {
    char **v;
    size_t n;
};

static int note_name(void *arg, const char *name, bool is_dir)
{
    struct names *x = arg;
    if (is_dir) return 0;
    x->v = xrealloc(x->v, (x->n + 1) * sizeof *x->v);
    x->v[x->n++] = xstrdup(name);
    return 0;
}

static int cmp_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), k = strlen(tail);
    return n >= k && strcmp(s + n - k, tail) == 0;
}

/* The metadata log's directory by the configuration, and its files by name. */
struct metadata_dir {
    struct strbuf path;
    struct names files;
};

static void metadata_dir_load(struct metadata_dir *d, const char *config)
{
    struct storage_dirs dirs = {0};
    size_t n;
    storage_dirs_load(&dirs, config);
    const struct slice *all = conf_log_dirs(&dirs.conf, &n);
    strbuf_init(&d->path);
    if (conf_has(&dirs.conf, CONF_METADATA_LOG_DIR))
        strbuf_add_cstr(&d->path, conf_str(&dirs.conf, CONF_METADATA_LOG_DIR));
    else strbuf_add(&d->path, all[0].p, all[0].n);
    storage_dirs_free(&dirs);
    char lock[4200];
    snprintf(lock, sizeof lock, "%s/.lock", strbuf_cstr(&d->path));
    int fd = os_open(NULL, lock, OS_WRITE);
    if (fd >= 0 && os_lock(NULL, fd) == ERR_BUSY)
        storage_die("a process holds %s; stop it first, so that the log does not change meanwhile", lock);
    if (fd >= 0) os_close(NULL, fd);
    strbuf_add_cstr(&d->path, "/__cluster_metadata-0");
    d->files = (struct names){0};
    if (os_list_dir(NULL, strbuf_cstr(&d->path), note_name, &d->files))
        storage_die("cannot list %s: %s", strbuf_cstr(&d->path), os_why());
    if (d->files.n) qsort(d->files.v, d->files.n, sizeof *d->files.v, cmp_name);
}

static void metadata_dir_free(struct metadata_dir *d)
{
    strbuf_fini(&d->path);
    for (size_t i = 0; i < d->files.n; i++) free(d->files.v[i]);
    free(d->files.v);
}

static void read_file(const struct metadata_dir *d, const char *name, struct strbuf *out)
{
    char path[4400];
    strbuf_init(out);
    snprintf(path, sizeof path, "%s/%s", strbuf_cstr(&d->path), name);
    int rc = os_read_file(NULL, path, FILE_BYTES_MAX, out);
    if (rc) storage_die("cannot read %s: %s", path, rc == ERR_FORMAT ? "it is too large" : os_why());
}

/* ---- metadata-log ---- */
static void flush(struct dump *d)
{
    fwrite(strbuf_cstr(&d->out), 1, d->out.n, stdout);
    strbuf_reset(&d->out);
}

static int print_record(struct dump *d, const struct dump_batch *b, const struct dump_record *r, void *arg)
{
    int64_t from = *(int64_t *)arg;
    if (r->offset < from) return 0;
    strbuf_printf(&d->out, "offset: %lld", (long long)r->offset);
    int rc = b->attributes & BATCH_CONTROL ? dump_control(d, r) : dump_contents(d, r);
    strbuf_add_char(&d->out, '\n');
    return rc;
}

static int print_file(struct dump *d, const char *name, const struct strbuf *bytes, int64_t from)
{
    struct dump_file f = {.path = name,
                          .absolute = name,
                          .name = name,
                          .fd = -1,
                          .memory = strbuf_slice(bytes),
                          .size = (int64_t)bytes->n};
    struct dump_batch b;
    int64_t at = 0;
    int rc;
    strbuf_printf(&d->out, "%s\n", name);
    while ((rc = dump_batch_at(d, &f, at, f.size, &b)) > 0 && rc > 0) {
        if (!dump_batch_valid(&f, &b)) {
            strbuf_printf(&d->out, "the batch at position %lld fails its checksum\n", (long long)at);
            return ERR_FORMAT;
        }
        if (b.last_offset >= from && (rc = dump_records(d, &f, &b, print_record, &from)) != 0) break;
        at += b.bytes;
        flush(d);
    }
    if (rc == 0 && at < f.size)
        strbuf_printf(&d->out, "%lld bytes at the end are no whole batch\n", (long long)(f.size - at));
    if (rc)
        strbuf_printf(&d->out, "position %lld cannot be read: %s\n", (long long)at, strbuf_cstr(&d->thrown));
    return rc;
}

int storage_metadata_log(const struct arg_command *c)
{
    struct metadata_dir dir;
    struct dump d;
    int64_t from = INT64_MIN;
    int code = 0;
    const char *text = args_value(c, "from");
    if (text && !storage_parse_int(text, 0, INT64_MAX, &from))
        storage_die("--from must be an offset: %s", text);
    metadata_dir_load(&dir, args_value(c, "config"));
    dump_init(&d);
    d.decoder = DUMP_METADATA;
    for (size_t i = 0; i < dir.files.n; i++) {
        const char *name = dir.files.v[i];
        struct strbuf bytes;
        bool log = ends_with(name, ".log");
        if (!log && !ends_with(name, ".checkpoint")) continue;
        read_file(&dir, name, &bytes);
        if (print_file(&d, name, &bytes, log ? from : INT64_MIN)) code = 1;
        flush(&d);
        strbuf_fini(&bytes);
    }
    dump_fini(&d);
    metadata_dir_free(&dir);
    return code;
}

/* ---- metadata-copy ---- */
static bool add_all_but(struct batch_builder *out, const struct batch_head *h, struct slice body,
                        int64_t offset)
{
    struct ctl_records nothing;
    struct kp_no_op_record r;
    struct record_iter it;
    struct record rec;
    bool found = false;
    ctl_records_init(&nothing);
    kp_no_op_record_init(&r);
    ctl_put(&nothing, &kp_no_op_record_message, 0, &r);
    record_iter_init(&it, h, body);
    while (record_next(&it, &rec)) {
        bool this = rec.offset == offset;
        found |= this;
        batch_add_at(out, (int32_t)(rec.offset - h->base_offset), rec.time_ms,
                     this ? (struct slice){0} : rec.key, this ? ctl_record(&nothing, 0) : rec.value, NULL, 0);
    }
    if (it.err) storage_die("the batch at offset %lld is malformed", (long long)h->base_offset);
    ctl_records_fini(&nothing);
    return found;
}

/* The batch as it is, but for one record; false: it has no such record. */
static bool rewrite_batch(const uint8_t *p, const struct batch_head *h, int64_t offset, struct kp_writer *out)
{
    struct batch_builder b;
    struct kp_writer scratch;
    struct slice body;
    if (h->attributes & BATCH_CONTROL)
        storage_die("offset %lld is a control record: it belongs to the quorum and cannot be left out",
                    (long long)offset);
    kp_writer_init(&scratch, 0);
    if (batch_body(p, h, BODY_BYTES_MAX, &scratch, &body))
        storage_die("the batch at offset %lld is malformed", (long long)h->base_offset);
    batch_builder_init(&b);
    b.attributes = (uint16_t)(h->attributes & ~BATCH_CODEC_MASK);
    b.base_offset = h->base_offset;
    b.leader_epoch = h->leader_epoch;
    bool found = add_all_but(&b, h, body, offset);
    b.last_delta = (int32_t)(h->last_offset - h->base_offset);
    int rc = batch_finish(&b, out);
    ASSERT(rc == 0); /* nothing is compressed */
    batch_builder_fini(&b);
    kp_writer_fini(&scratch);
    return found;
}

/* False: the file has no such record. */
static bool rewrite(struct slice in, int64_t offset, struct kp_writer *out)
{
    struct batch_head h;
    bool found = false;
    size_t at = 0;
    for (; at < in.n && batch_head_parse(slice_of(in.p + at, in.n - at), &h) == 0; at += (size_t)h.bytes) {
        if (offset >= h.base_offset && offset <= h.last_offset && batch_crc_ok(in.p + at, h.bytes))
            found |= rewrite_batch(in.p + at, &h, offset, out);
        else kp_write_raw(out, slice_of(in.p + at, (size_t)h.bytes));
    }
    kp_write_raw(out, slice_of(in.p + at, in.n - at));
    return found;
}

static void write_copy(const char *to, const char *name, struct slice bytes)
{
    char path[4400];
    snprintf(path, sizeof path, "%s/%s", to, name);
    if (os_write_file_atomic(NULL, path, bytes.p, bytes.n))
        storage_die("cannot write %s: %s", path, os_why());
}

/* The segment that holds the offset: the last one that does not begin behind it. */
static const char *segment_of(const struct metadata_dir *d, int64_t offset)
{
    const char *found = NULL;
    for (size_t i = 0; i < d->files.n; i++)
        if (ends_with(d->files.v[i], ".log") && strtoll(d->files.v[i], NULL, 10) <= offset)
            found = d->files.v[i];
    return found;
}

/* An index of the file that was rewritten tells wrong positions; a start makes it anew. */
static bool is_index_of(const char *name, const char *log)
{
    size_t n = strlen(log) - strlen(".log");
    return strncmp(name, log, n) == 0 &&
           (strcmp(name + n, ".index") == 0 || strcmp(name + n, ".timeindex") == 0);
}

int storage_metadata_copy(const struct arg_command *c)
{
    struct metadata_dir dir;
    struct kp_writer out;
    struct strbuf bytes;
    struct os_stat st;
    int64_t offset;
    const char *to = args_value(c, "to"), *in = args_value(c, "in"), *left = args_value(c, "leave-out");
    if (!storage_parse_int(left, 0, INT64_MAX, &offset))
        storage_die("--leave-out must be an offset: %s", left);
    metadata_dir_load(&dir, args_value(c, "config"));
    if (!in) in = segment_of(&dir, offset);
    bool there = false;
    for (size_t i = 0; in && i < dir.files.n; i++) there |= strcmp(dir.files.v[i], in) == 0;
    if (!there || !(ends_with(in, ".log") || ends_with(in, ".checkpoint")))
        storage_die("%s has no log or snapshot %s", strbuf_cstr(&dir.path), in ? in : "with this offset");
    if (os_stat(NULL, to, &st) != ERR_NOENT) storage_die("%s is there already; name a new directory", to);
    read_file(&dir, in, &bytes);
    kp_writer_init(&out, bytes.n + 64);
    if (!rewrite(strbuf_slice(&bytes), offset, &out))
        storage_die("%s/%s has no record at offset %lld", strbuf_cstr(&dir.path), in, (long long)offset);
    strbuf_fini(&bytes);
    if (os_mkdir_p(NULL, to)) storage_die("cannot make %s: %s", to, os_why());
    for (size_t i = 0; i < dir.files.n; i++) {
        const char *name = dir.files.v[i];
        if (strcmp(name, in) == 0) write_copy(to, name, kp_writer_slice(&out));
        else if (!ends_with(in, ".log") || !is_index_of(name, in)) {
            read_file(&dir, name, &bytes);
            write_copy(to, name, strbuf_slice(&bytes));
            strbuf_fini(&bytes);
        }
    }
    printf("Wrote %s without the record at offset %lld of %s. To use it, keep %s elsewhere and put the copy "
           "in its "
           "place.\n",
           to, (long long)offset, in, strbuf_cstr(&dir.path));
    kp_writer_fini(&out);
    metadata_dir_free(&dir);
    return 0;
}
