/* One send of the producer's application: so many records with random values, and what became of them. Pure,
 * and as large for a million records as for one: the values come from a seed, which can give them again. */
#ifndef MOLDAU_APP_SEND_H
#define MOLDAU_APP_SEND_H

#include "base/prng.h"
#include "base/strbuf.h"

#define SEND_VALUE_MAX 10

/* A positive whole number as Java's Integer.parseInt takes it, at most 2^31-1; 0: it is none. */
int32_t send_count_parse(struct slice text);
/* What a form sent under a name, decoded: false if it is not there, or more than once. */
bool send_form_value(struct slice form, const char *name, struct strbuf *out);

struct send_part {
    int32_t partition;
    int64_t records, first, last; /* acknowledged, and between which offsets */
};
struct send {
    int32_t asked, produced, acknowledged, failed;
    uint64_t seed;
    struct prng values; /* the next one's */
    struct send_part *parts;
    int parts_n, parts_cap;
};
void send_init(struct send *s, int32_t asked, uint64_t seed);
void send_fini(struct send *s);
/* The value of the next record. */
int send_next_value(struct send *s);
/* It was produced, and later came to an end: offset < 0 if it was not acknowledged. */
void send_produced(struct send *s);
void send_delivered(struct send *s, int32_t partition, int64_t offset);
static inline int32_t send_outstanding(const struct send *s)
{
    return s->produced - s->acknowledged - s->failed;
}
/* The answer's sentence; its status is 200 if all are acknowledged, else 503. */
void send_sentence(const struct send *s, struct strbuf *out);
int send_status(const struct send *s);
/* The sentence, and how the records spread, for the page's script. topic_parts: of how many partitions. */
void send_json(struct send *s, const char *topic, int32_t topic_parts, struct strbuf *out);
/* The line for standard output, piece by piece: asked, and the value of each record that was produced. */
void send_line(const struct send *s, void (*put)(void *arg, const char *text, size_t n), void *arg);

#endif
