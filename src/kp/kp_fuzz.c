/* Input: two bytes that choose a message of kp_messages, one its version, then the message. What is accepted
 * must print, and what we write for it must be read back as the same. */
#include "kp/kp_api.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static size_t messages_n;
    while (kp_messages[messages_n]) messages_n++;
    if (n < 3) return 0;
    const struct kp_message *m = kp_messages[load_be16(data) % messages_n];
    int16_t version = (int16_t)(m->version_min + data[2] % (m->version_max - m->version_min + 1));
    struct arena a;
    arena_init(&a);
    void *value = arena_zalloc(&a, 1, m->shape->size), *again = arena_zalloc(&a, 1, m->shape->size);
    struct kp_reader r = kp_reader_of(slice_of(data + 3, n - 3));
    if (m->read(&r, &a, version, value) == 0) {
        struct strbuf first, second;
        struct kp_writer w;
        strbuf_init(&first);
        strbuf_init(&second);
        kp_writer_init(&w, 0);
        kp_print(&first, version, m->shape, value);
        m->write(&w, version, value);
        ASSERT(w.err == 0);
        r = kp_reader_of(kp_writer_slice(&w));
        ASSERT(m->read(&r, &a, version, again) == 0);
        ASSERT(kp_left(&r) == 0);
        kp_print(&second, version, m->shape, again);
        ASSERT(strcmp(first.s, second.s) == 0);
        kp_writer_fini(&w);
        strbuf_fini(&first);
        strbuf_fini(&second);
    }
    arena_fini(&a);
    return 0;
}
