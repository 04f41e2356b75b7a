/* Private to the storage tool: the directories of a server.properties, and what format makes of its options.
 */
#ifndef MOLDAU_STORAGE_TOOL_INT_H
#define MOLDAU_STORAGE_TOOL_INT_H

#include "cli/args.h"
#include "conf/conf.h"
#include "ctl/ctl.h"
#include "ctl/feature.h"
#include "server/storage.h"

enum storage_dir_state { STORAGE_DIR_EMPTY, STORAGE_DIR_FORMATTED, STORAGE_DIR_FAILED };
struct storage_dir {
    char *path;
    struct meta meta;
    enum storage_dir_state state;
    bool missing, is_dir;
    struct strbuf why; /* of STORAGE_DIR_FAILED */
};
struct storage_dirs {
    struct conf conf;
    struct storage_dir *v; /* ascending */
    size_t n;
    int node_id;
};
/* Reads the properties file (or exits with a sentence) and every directory's meta.properties. */
void storage_dirs_load(struct storage_dirs *d, const char *file);
void storage_dirs_free(struct storage_dirs *d);

_Noreturn void storage_die(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* As a Java program ends that does not catch an exception. */
#define storage_throw(exception, ...) storage_throw_(exception, __VA_ARGS__)
_Noreturn void storage_throw_(const char *exception, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "4.3" is the last version of that release; others end the program, telling those up to `max`. */
const struct feature_release *storage_release(const char *name, int16_t max);
struct uuid storage_random_uuid(void);
/* A whole number as Java's parseShort and parseInt take it. */
bool storage_parse_int(const char *s, int64_t min, int64_t max, int64_t *out);

int storage_format_dirs(const struct arg_command *c);
int storage_metadata_log(const struct arg_command *c);
int storage_metadata_copy(const struct arg_command *c);

/* The records of --add-scram arguments; `text` gets them as Java prints them, each behind ", ". Wrong
 * arguments end the program. */
void storage_scram(const struct arg *arguments, struct ctl_records *rs, struct strbuf *text);

#endif
