/* Any text as a plan: it is read or refused with a sentence. */
#include "app/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct plan p;
    struct strbuf why;
    strbuf_init(&why);
    int rc = plan_read(&p, "plan.json", (const char *)data, n, &why);
    if (rc == 0) {
        ASSERT(p.consumers_n >= p.groups_n && p.groups_n > 0 && p.consumers_n <= PLAN_THREADS_MAX);
        plan_tell(&p, &why);
        plan_free(&p);
    }
    ASSERT(why.n > 0);
    strbuf_fini(&why);
    return 0;
}
