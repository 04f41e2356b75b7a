/* The entries of the command-line tools, and what those that ask a cluster share. */
#ifndef MOLDAU_TOOLS_H
#define MOLDAU_TOOLS_H

#include "cli/cli.h"

int storage_main(int argc, char **argv);
int topics_main(int argc, char **argv);
int broker_api_versions_main(int argc, char **argv);
int configs_main(int argc, char **argv);
int settings_main(int argc, char **argv);
int get_offsets_main(int argc, char **argv);
int console_consumer_main(int argc, char **argv);
int console_producer_main(int argc, char **argv);
int listen_main(int argc, char **argv);
int consumer_groups_main(int argc, char **argv);
int dump_log_main(int argc, char **argv);
int log_dirs_main(int argc, char **argv);
int delete_records_main(int argc, char **argv);

/* A connection and the last failure, told as Kafka's tools tell it. */
struct admin {
    struct client c;
    struct properties props; /* of --command-config */
    int32_t timeout_ms;
    char exception[128]; /* Java's class of the failure, for the line in the log */
    struct strbuf why;   /* its sentence */
};
/* Connects by the options' bootstrap address and --command-config (or the older name config_option, may be
 * NULL). A file that cannot be read or asks for a security protocol other than PLAINTEXT ends the process
 * with exit code 1. If the broker does not answer, returns ERR_* with why. */
int admin_open(struct admin *a, const struct cli_option *options, const char *bootstrap,
               const char *config_option) MUST_USE;
void admin_close(struct admin *a);
/* One request to any node. */
int admin_call(struct admin *a, int16_t key, int16_t version_max, const void *req, void *resp) MUST_USE;
/* Notes a failure of our own or of the broker; they return a negative ERR_*. */
int admin_fail(struct admin *a, const char *exception, const char *fmt, ...) PRINTF_LIKE(3, 4);
int admin_fail_code(struct admin *a, int16_t code, struct slice message);
/* The Java class of an error code. */
void exception_of(int16_t code, char out[128]);
/* "[time] ERROR exception: why\n (logger)" to stderr. */
void admin_log_error(const struct admin *a, const char *logger);

/* "why" and how to get help, to stderr; exit code 1. */
_Noreturn void tool_usage_error(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* A regular expression, or several with commas between, that must match a whole name. */
struct name_filter;
int name_filter_new(struct name_filter **out, const char *text, struct strbuf *why) MUST_USE;
void name_filter_free(struct name_filter *f);
/* A NULL filter matches everything. */
bool name_filter_match(const struct name_filter *f, struct slice name);
bool topic_name_is_internal(struct slice name);
/* Whole decimal numbers. */
bool parse_i64(const char *s, int64_t *out);
/* The value of an option that takes a number, or what it is if it was not given; a usage error if it is
 * none, or not between min and max. */
int64_t tool_number(const struct cli_option *options, const char *name, int64_t otherwise, int64_t min,
                    int64_t max);
double tool_fraction(const struct cli_option *options, const char *name, double otherwise, double min,
                     double max);
/* Some of Kafka's tools print in the order of a Java HashMap. The bucket of a name, how many buckets a map
 * that started with room for `start` has after so many entries, and names put into that order (stable). */
uint32_t java_map_bucket(struct slice name, uint32_t buckets);
uint32_t java_map_buckets(int32_t entries, uint32_t start);
void java_map_sort(struct slice *names, int32_t n, uint32_t start);
/* The same for keys by their hashCode: order[i] is the place of the one that comes i-th. */
void java_hash_order(const uint32_t *hashes, int32_t n, uint32_t buckets, int32_t *order);
uint32_t java_topic_partition_hash(struct slice topic, int32_t part);
/* By name, ascending. */
int slice_qsort_cmp(const void *a, const void *b);
const char *config_source_name(int8_t source);

#endif
