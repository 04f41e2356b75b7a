#include "web/mhd.h"

#include <dlfcn.h>

#define LIBRARY "libmicrohttpd.so.12" /* the interface of microhttpd.h, since 0.9.37 */

int mhd_load(struct mhd *m, struct strbuf *why)
{
    void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL), *at;
    bool all = lib != NULL;
#define X(call)                                                                                              \
    if (all) {                                                                                               \
        at = dlsym(lib, "MHD_" #call);                                                                       \
        all = at != NULL;                                                                                    \
        memcpy(&m->call, &at, sizeof at); /* C has no cast from an object to a function */                   \
    }
    MHD_CALLS(X)
#undef X
    if (all) return 0;
    strbuf_printf(why, "libmicrohttpd is needed and cannot be loaded: %s", dlerror());
    return ERR_NOENT;
}
