#include "app/work.h"
#include "app/block.h"
#include "os/blocking.h"

#include <stdio.h>

static struct slice key_of(const rd_kafka_message_t *m)
{
    return m->key ? slice_of(m->key, m->key_len) : (struct slice){0};
}

static struct slice value_of(const rd_kafka_message_t *m)
{
    return m->payload ? slice_of(m->payload, m->len) : (struct slice){0};
}

static struct block block_of(const struct work *w)
{
    const rd_kafka_message_t *m = w->message;
    return (struct block){key_of(m), value_of(m), m->partition, m->offset, w->wait_ms};
}

static void print(struct strbuf *b)
{
    fwrite(b->s, 1, b->n, stdout);
    fflush(stdout);
    strbuf_fini(b);
}

static void cut(char *out, size_t room, struct slice s)
{
    size_t n = min_size(s.n, room - 1);
    if (n) memcpy(out, s.p, n);
    out[n] = 0;
}

static void tell(const struct work *w, struct look *look)
{
    const rd_kafka_message_t *m = w->message;
    struct view_work v = {
        .partition = m->partition, .offset = m->offset, .began_ms = w->began_ms, .wait_ms = w->wait_ms};
    cut(v.key, sizeof v.key, m->key ? key_of(m) : slice_cstr("null"));
    cut(v.value, sizeof v.value, value_of(m));
    look_began(look, &v);
}

bool work_begin(struct work *w, const rd_kafka_message_t *m, bool at_once, struct look *look)
{
    *w = (struct work){.message = m, .at_once = at_once};
    if (!block_wait_ms(value_of(m), &w->wait_ms)) return false;
    w->began_ms = os_now_wall_ms();
    w->due_ms = os_now_mono_ms() + w->wait_ms;
    tell(w, look);
    if (at_once) return true;
    struct block block = block_of(w);
    struct strbuf b;
    strbuf_init(&b);
    block_begin(&block, w->began_ms, &b);
    print(&b);
    return true;
}

void work_end(const struct work *w, struct look *look)
{
    struct block block = block_of(w);
    struct strbuf b;
    strbuf_init(&b);
    if (w->at_once) block_begin(&block, w->began_ms, &b);
    block_end(&block, os_now_wall_ms(), &b);
    print(&b);
    look_ended(look, w->message->partition, w->message->offset);
}
