#include "web/mhd.h"
#include "os/library.h"

#define LIBRARY "libmicrohttpd.so.12" /* the interface of microhttpd.h, since 0.9.37 */

int mhd_load(struct mhd *m, struct strbuf *why)
{
    static const char *const names[] = {
#define X(call) "MHD_" #call,
        MHD_CALLS(X)
#undef X
    };
    _Static_assert(sizeof *m == NELEMS(names) * sizeof(void *), "nothing but pointers to functions");
    return os_library(LIBRARY, "libmicrohttpd", names, NELEMS(names), m, why);
}
