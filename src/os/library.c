#include "os/library.h"

#include <dlfcn.h>

int os_library(const char *file, const char *what, const char *const *names, size_t n, void *calls,
               struct strbuf *why)
{
    void *lib = dlopen(file, RTLD_NOW | RTLD_LOCAL), *at = lib;
    for (size_t i = 0; i < n && at; i++) {
        at = dlsym(lib, names[i]);
        /* C has no cast from an object to a function. */
        memcpy((char *)calls + i * sizeof at, &at, sizeof at);
    }
    if (at) return 0;
    strbuf_printf(why, "%s is needed and cannot be loaded: %s", what, dlerror());
    return ERR_NOENT;
}
