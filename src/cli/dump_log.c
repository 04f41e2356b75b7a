/* moldau dump-log: what kafka-dump-log.sh of Apache Kafka 4.3 does: prints the files of a log at rest, line
 * by line as that tool does, and where Java would end with an exception, its first line. Decoders other than
 * Kafka's own Integer, Long and String ones are Java classes, which cannot be loaded. */
#include "cli/dump_log.h"
#include "cli/tools.h"
#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- .log and .checkpoint ---- */
static const char *time_type(const struct dump_batch *b)
{
    if (b->magic == 0) return "NoTimestampType";
    return b->attributes & BATCH_LOG_APPEND_TIME ? "LogAppendTime" : "CreateTime";
}

static int put_batch(struct dump *d, const struct dump_file *f, const struct dump_batch *b)
{
    struct strbuf *o = &d->out;
    int codec = b->attributes & BATCH_CODEC_MASK;
    if (b->magic >= 2) {
        int32_t last = b->base_sequence == -1 ? -1 : dump_sequence(b->base_sequence, b->last_delta);
        strbuf_printf(o,
                      "baseOffset: %lld lastOffset: %lld count: %d baseSequence: %d lastSequence: %d "
                      "producerId: %lld producerEpoch: %d partitionLeaderEpoch: %d",
                      (long long)b->base_offset, (long long)b->last_offset, b->count, b->base_sequence, last,
                      (long long)b->producer_id, b->producer_epoch, b->leader_epoch);
        strbuf_printf(o, " isTransactional: %s isControl: %s deleteHorizonMs: ",
                      b->attributes & BATCH_TRANSACTIONAL ? "true" : "false",
                      b->attributes & BATCH_CONTROL ? "true" : "false");
        if (b->attributes & BATCH_DELETE_HORIZON)
            strbuf_printf(o, "OptionalLong[%lld]", (long long)b->base_time_ms);
        else strbuf_add_cstr(o, "OptionalLong.empty");
    } else strbuf_printf(o, "offset: %lld", (long long)b->last_offset);
    if (!kp_codec_name(codec))
        return dump_throw(d, "java.lang.IllegalArgumentException", "Unknown compression type id: %d", codec);
    strbuf_printf(o, " position: %lld %s: %lld size: %lld magic: %d compresscodec: %s crc: %u isvalid: %s\n",
                  (long long)b->at, time_type(b), (long long)b->max_time_ms, (long long)b->bytes, b->magic,
                  kp_codec_name(codec), b->crc, dump_batch_valid(f, b) ? "true" : "false");
    return 0;
}

struct walk {
    const struct dump_file *f;
    int64_t last_offset;
};
static int record_cb(struct dump *d, const struct dump_batch *b, const struct dump_record *r, void *arg)
{
    struct walk *w = arg;
    struct strbuf *o = &d->out;
    bool control = b->magic >= 2 && b->attributes & BATCH_CONTROL;
    int rc = 0;
    if ((uint64_t)r->offset != (uint64_t)w->last_offset + 1)
        dump_note(&d->gaps, w->f->absolute, w->last_offset, r->offset);
    w->last_offset = r->offset;
    if (!d->skip_metadata) {
        strbuf_printf(o, "| offset: %lld %s: %lld keySize: %lld valueSize: %lld", (long long)r->offset,
                      time_type(b), (long long)r->time_ms, r->key.p ? (long long)r->key.n : -1,
                      r->value.p ? (long long)r->value.n : -1);
        if (b->magic >= 2)
            strbuf_printf(o, " sequence: %d headerKeys: [%.*s]", r->sequence, (int)r->header_names.n,
                          (const char *)r->header_names.p);
        else strbuf_printf(o, " isValid: %s crc: %u", r->legacy_valid ? "true" : "false", r->legacy_crc);
        if (control) rc = dump_control(d, r);
    }
    if (rc == 0 && d->print && !control) rc = dump_contents(d, r);
    if (rc) return rc;
    strbuf_add_char(o, '\n');
    if (d->flush && o->n > 65536) d->flush(d);
    return 0;
}

static bool all_digits(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9') return false;
    return true;
}

/* "00000000000000000000-0000000000.checkpoint" */
static int put_snapshot_title(struct dump *d, const char *name)
{
    size_t n = strlen(name);
    if (strcmp(name, "bootstrap.checkpoint") == 0) {
        strbuf_add_cstr(&d->out, "KRaft bootstrap snapshot\n");
        return 0;
    }
    if (n < 20)
        return dump_throw(d, "java.lang.StringIndexOutOfBoundsException", "begin 0, end 20, length %zu", n);
    char *offset = xstrndup(name, 20), *epoch = xstrndup(name + min_size(n, 21), 10);
    int64_t o = 0, e = 0;
    int rc = 0;
    if (!all_digits(offset, 20) || !parse_i64(offset, &o))
        rc = dump_throw(d, "java.lang.NumberFormatException", "For input string: \"%s\"", offset);
    else if (n < 31)
        rc = dump_throw(d, "java.lang.StringIndexOutOfBoundsException", "begin 21, end 31, length %zu", n);
    else if (!all_digits(epoch, 10) || !parse_i64(epoch, &e) || e > INT32_MAX)
        rc = dump_throw(d, "java.lang.NumberFormatException", "For input string: \"%s\"", epoch);
    else strbuf_printf(&d->out, "Snapshot end offset: %lld, epoch: %lld\n", (long long)o, (long long)e);
    free(offset);
    free(epoch);
    return rc;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), k = strlen(end);
    return n >= k && strcmp(s + n - k, end) == 0;
}

int dump_log_title(struct dump *d, const char *name)
{
    int64_t base;
    if (!ends_with(name, ".log")) return put_snapshot_title(d, name);
    int rc = dump_base_offset(d, name, &base);
    if (rc == 0) strbuf_printf(&d->out, "Log starting offset: %lld\n", (long long)base);
    return rc;
}

int dump_log_file(struct dump *d, const struct dump_file *f)
{
    struct walk w = {.f = f, .last_offset = -1};
    int64_t at = 0, end = min_i64(f->size, d->bytes_max);
    int rc;
    if (d->bytes_max < 0)
        return dump_throw(
            d, "java.lang.IllegalArgumentException",
            "Invalid size: %lld in read from FileRecords(size=%lld, file=%s, start=0, end=2147483647)",
            (long long)d->bytes_max, (long long)f->size, f->path);
    struct dump_batch b;
    while ((rc = dump_batch_at(d, f, at, end, &b)) > 0) {
        if ((rc = put_batch(d, f, &b)) != 0) return rc;
        if (d->deep && (rc = dump_records(d, f, &b, record_cb, &w)) != 0) return rc;
        at += b.bytes;
        if (d->flush && d->out.n > 65536) d->flush(d);
    }
    if (rc == 0 && end > at && d->bytes_max == INT32_MAX)
        strbuf_printf(&d->out, "Found %lld invalid bytes at the end of %s\n", (long long)(end - at), f->name);
    return rc;
}

/* ---- the tool ---- */
static void flush(struct dump *d)
{
    fwrite(strbuf_cstr(&d->out), 1, d->out.n, stdout);
    strbuf_reset(&d->out);
}

struct opened {
    struct dump_file f;
    struct strbuf absolute, path;
};

static void close_file(struct opened *o)
{
    if (o->f.fd >= 0) os_close(NULL, o->f.fd);
    strbuf_fini(&o->absolute);
    strbuf_fini(&o->path);
}

/* `path` with what follows the first dot of its name replaced, if suffix is not NULL. */
static int open_file(struct dump *d, const char *path, const char *suffix, struct opened *o)
{
    char here[4096];
    struct os_stat st;
    *o = (struct opened){.f.fd = -1};
    strbuf_init(&o->absolute);
    strbuf_init(&o->path);
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t folder = (size_t)(name - path);
    strbuf_add(&o->path, path, suffix ? folder + strcspn(name, ".") : strlen(path));
    if (suffix) strbuf_add_cstr(&o->path, suffix);
    if (path[0] != '/' && getcwd(here, sizeof here)) strbuf_printf(&o->absolute, "%s/", here);
    strbuf_add_cstr(&o->absolute, strbuf_cstr(&o->path));
    o->f.path = strbuf_cstr(&o->path);
    o->f.absolute = strbuf_cstr(&o->absolute);
    o->f.name = o->f.path + folder;
    o->f.fd = os_open(NULL, o->f.path, OS_READ);
    int rc = o->f.fd < 0 ? o->f.fd : os_fstat(NULL, o->f.fd, &st);
    if (rc == 0 && st.is_dir) rc = ERR_IO;
    if (rc == 0) o->f.size = st.size;
    const char *shown = suffix && strcmp(suffix, ".log") == 0 ? o->f.absolute : o->f.path;
    if (rc == ERR_NOENT) return dump_throw(d, "java.nio.file.NoSuchFileException", "%s", shown);
    return rc ? dump_throw(d, "java.nio.file.FileSystemException", "%s: %s", shown, os_why()) : 0;
}

static int dump_path(struct dump *d, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    const char *kind = dot ? dot : "";
    bool index = strcmp(kind, ".index") == 0, times = strcmp(kind, ".timeindex") == 0;
    struct opened f = {.f.fd = -1}, log = {.f.fd = -1}, ix = {.f.fd = -1};
    int64_t base;
    int rc = 0;
    bool batches = strcmp(kind, ".log") == 0 || strcmp(kind, ".checkpoint") == 0;
    if (index || times) rc = dump_base_offset(d, name, &base);
    if (batches) rc = dump_log_title(d, name);
    if (rc == 0 && (index || times)) rc = open_file(d, path, ".log", &log);
    if (rc == 0 && times) rc = open_file(d, path, ".index", &ix);
    if (rc == 0) rc = open_file(d, path, NULL, &f);
    if (rc) goto out;
    if (index) rc = dump_index(d, &f.f, &log.f);
    else if (times) rc = dump_time_index(d, &f.f, &ix.f, &log.f);
    else if (strcmp(kind, ".snapshot") == 0) rc = dump_producers(d, &f.f);
    else if (strcmp(kind, ".txnindex") == 0) rc = dump_txn_index(d, &f.f);
    else rc = dump_log_file(d, &f.f);
out:
    close_file(&f);
    close_file(&log);
    close_file(&ix);
    return rc;
}

static bool is_known(const char *path)
{
    static const char *const suffixes[] = {".log",       ".checkpoint", ".index",
                                           ".timeindex", ".snapshot",   ".txnindex"};
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; i < NELEMS(suffixes); i++)
        if (dot && strcmp(dot, suffixes[i]) == 0) return true;
    return false;
}

static enum dump_class decoder_class(const struct cli_option *o, const char *name)
{
    static const char *const classes[] = {"StringDecoder", "IntegerDecoder", "LongDecoder"};
    static const char package[] = "org.apache.kafka.tools.api.";
    const char *v = cli_value(o, name);
    if (!v) return DUMP_STRING;
    for (size_t i = 0; i < NELEMS(classes); i++)
        if (strncmp(v, package, sizeof package - 1) == 0 && strcmp(v + sizeof package - 1, classes[i]) == 0)
            return (enum dump_class)i;
    fprintf(stderr,
            "%s is a Java class, and moldau cannot load those. --%s takes StringDecoder, IntegerDecoder and "
            "LongDecoder of org.apache.kafka.tools.api.\n",
            v, name);
    exit(1);
}

static int64_t number(const struct cli_option *o, const char *name, int64_t otherwise)
{
    int64_t v;
    const char *s = cli_value(o, name);
    if (!s) return otherwise;
    if (parse_i64(s, &v) && v >= INT32_MIN && v <= INT32_MAX) return v;
    fprintf(stderr,
            "Exception in thread \"main\" joptsimple.OptionArgumentConversionException: Cannot parse "
            "argument '%s' of option %s\n",
            s, name);
    exit(1);
}

static enum dump_decoder decoder(const struct cli_option *o)
{
    if (cli_given(o, "offsets-decoder")) return DUMP_OFFSETS;
    if (cli_given(o, "transaction-log-decoder")) return DUMP_TRANSACTIONS;
    if (cli_given(o, "cluster-metadata-decoder")) return DUMP_METADATA;
    if (cli_given(o, "share-group-state-decoder")) return DUMP_SHARE;
    return DUMP_TEXT;
}

int dump_log_main(int argc, char **argv)
{
    struct cli_option o[] = {
        {"files", true, "the files to print, with commas between", NULL, 0},
        {"deep-iteration", false, "print records, not only batches", NULL, 0},
        {"print-data-log", false, "print keys and values too", NULL, 0},
        {"verify-index-only", false, "check an index without printing its entries", NULL, 0},
        {"index-sanity-check", false, "check an index as a broker does at its start", NULL, 0},
        {"max-message-size", true, "bytes of the largest batch that an index points to; 5242880", NULL, 0},
        {"max-bytes", true, "how much of a .log to read", NULL, 0},
        {"skip-record-metadata", false, "print only keys and values of records", NULL, 0},
        {"key-decoder-class", true, "String-, Integer- or LongDecoder of org.apache.kafka.tools.api", NULL,
         0},
        {"value-decoder-class", true, "the same for values", NULL, 0},
        {"offsets-decoder", false, "records of __consumer_offsets", NULL, 0},
        {"transaction-log-decoder", false, "records of __transaction_state", NULL, 0},
        {"cluster-metadata-decoder", false, "records of __cluster_metadata", NULL, 0},
        {"share-group-state-decoder", false, "records of __share_group_state", NULL, 0},
        {NULL, false, NULL, NULL, 0},
    };
    static const char string_decoder[] = "org.apache.kafka.tools.api.StringDecoder";
    char **keyed = cli_optional_value(argc, argv, "key-decoder-class", string_decoder);
    char **both = cli_optional_value(argc, keyed, "value-decoder-class", string_decoder);
    char **rest;
    int rest_n, rc = 0;
    cli_parse(argc, both, "moldau dump-log: print the files of a log", o, &rest, &rest_n);
    const char *files = cli_value(o, "files");
    if (!files) tool_usage_error("Missing required argument \"[files]\"");
    struct dump d;
    dump_init(&d);
    d.flush = flush;
    d.decoder = decoder(o);
    d.print = d.decoder != DUMP_TEXT || cli_given(o, "print-data-log") || cli_given(o, "key-decoder-class") ||
              cli_given(o, "value-decoder-class");
    d.deep = d.print || cli_given(o, "deep-iteration");
    d.skip_metadata = cli_given(o, "skip-record-metadata");
    d.verify_only = cli_given(o, "verify-index-only");
    d.sanity = cli_given(o, "index-sanity-check");
    d.key_class = decoder_class(o, "key-decoder-class");
    d.value_class = decoder_class(o, "value-decoder-class");
    char *list = xstrdup(files);
    size_t n = strlen(list);
    while (n && list[n - 1] == ',') list[--n] = 0;
    for (char *at = list, *path; rc == 0 && (path = strsep(&at, ",")) != NULL;) {
        strbuf_printf(&d.out, "Dumping %s\n", path);
        if (is_known(path)) {
            d.bytes_max = number(o, "max-bytes", INT32_MAX);
            d.message_max = number(o, "max-message-size", 5 * 1024 * 1024);
            rc = dump_path(&d, path);
        } else strbuf_printf(&d.err, "Ignoring unknown file %s\n", path);
        flush(&d);
    }
    if (rc == 0) dump_tell_notes(&d);
    fflush(stdout);
    fwrite(strbuf_cstr(&d.err), 1, d.err.n, stderr);
    if (rc) fprintf(stderr, "Exception in thread \"main\" %s\n", strbuf_cstr(&d.thrown));
    dump_fini(&d);
    free(list);
    free(rest);
    for (int i = 0; i < argc; i++) { /* what cli_optional_value made */
        if (both[i] != keyed[i]) free(both[i]);
        if (keyed[i] != argv[i]) free(keyed[i]);
    }
    free(both);
    free(keyed);
    for (int i = 0; o[i].name; i++) free(o[i].values);
    return rc ? 1 : 0;
}
