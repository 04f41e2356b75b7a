/* Formatting and reading a broker's log directories: meta.properties, bootstrap, locks. */
#ifndef MOLDAU_STORAGE_H
#define MOLDAU_STORAGE_H

#include "api/broker.h"

struct meta {
    bool found;
    int32_t node_id;
    char cluster_id[64];
    struct uuid dir_id;
};
/* Reads dir/meta.properties. found is false if there is none. */
int storage_meta_read(struct os *os, const char *dir, struct meta *m, struct strbuf *why) MUST_USE;
int storage_meta_write(struct os *os, const char *dir, const struct meta *m) MUST_USE;
/* Prepares every log directory for node: makes it, locks it, reads or writes its meta.properties. A sentence
 * in why. */
int storage_prepare(struct os *os, const struct conf *c, struct node *n, struct prng *prng,
                    struct strbuf *why) MUST_USE;

#endif
