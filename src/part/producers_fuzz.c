/* Any bytes as a .snapshot file. */
#include "part/producers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct producers p;
    producers_init(&p);
    if (producers_load(&p, slice_of(data, n)) == 0) {
        struct strbuf b;
        strbuf_init(&b);
        producers_save(&p, &b);
        strbuf_fini(&b);
    }
    producers_fini(&p);
    return 0;
}
