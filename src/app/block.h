/* What the consumer's application prints for a record, as the tutorial's did, and how long it works on it. */
#ifndef MOLDAU_APP_BLOCK_H
#define MOLDAU_APP_BLOCK_H

#include "base/strbuf.h"

struct block {
    struct slice key, value; /* key.p NULL: none */
    int32_t partition;
    int64_t offset;
    int64_t wait_ms;
};
/* A value is the seconds that its record takes: a whole number from 0 to 2^31-1. false: it is none. */
bool block_wait_ms(struct slice value, int64_t *out);
/* Up to the wait, and what follows it. at_ms: since 1970; printed in local time. */
void block_begin(const struct block *b, int64_t at_ms, struct strbuf *out);
void block_end(const struct block *b, int64_t at_ms, struct strbuf *out);

#endif
