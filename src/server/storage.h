/* Formatting and reading a broker's log directories: meta.properties, bootstrap, locks. */
#ifndef MOLDAU_STORAGE_H
#define MOLDAU_STORAGE_H

#include "broker/broker.h"

struct meta {
    bool found;
    int32_t node_id;
    char cluster_id[64];
    struct uuid dir_id;
};
/* The text of a meta.properties, which is cut up. ERR_FORMAT: not one of version 1. */
int meta_parse(char *text, struct meta *m) MUST_USE;
/* Reads dir/meta.properties. found is false if there is none. */
int storage_meta_read(struct os *os, const char *dir, struct meta *m, struct strbuf *why) MUST_USE;
int storage_meta_write(struct os *os, const char *dir, const struct meta *m) MUST_USE;
/* In three steps, each with a sentence in why when it fails:
 * storage_check makes missing directories, locks all and reads their meta.properties; one that the disk
 * refuses is logged and left offline, unless it is the last or holds the metadata log. */
struct storage;
int storage_check(struct os *os, const struct conf *c, struct node *n, struct storage **out,
                  struct strbuf *why) MUST_USE;
/* storage_format writes what is missing: meta.properties with new directory ids, a cluster id. */
int storage_format(struct os *os, struct storage *st, struct node *n, struct prng *prng,
                   struct strbuf *why) MUST_USE;
/* Instead of it: takes back what storage_check made, so that a refused directory is as it was. */
void storage_undo(struct os *os, struct storage *st);

#endif
