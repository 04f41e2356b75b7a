#include "cli/curl.h"

#include <dlfcn.h>

#define LIBRARY "libcurl.so.4"

int curl_load(struct curl *c, struct strbuf *why)
{
    void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL), *at;
    bool all = lib != NULL;
#define X(call)                                                                                              \
    if (all) {                                                                                               \
        at = dlsym(lib, "curl_" #call);                                                                      \
        all = at != NULL;                                                                                    \
        memcpy(&c->call, &at, sizeof at); /* C has no cast from an object to a function */                   \
    }
    CURL_CALLS(X)
#undef X
    if (all) return 0;
    strbuf_printf(why, "libcurl is needed and cannot be loaded: %s", dlerror());
    return ERR_NOENT;
}
