#include "cli/curl.h"
#include "os/library.h"

#define LIBRARY "libcurl.so.4"

int curl_load(struct curl *c, struct strbuf *why)
{
    static const char *const names[] = {
#define X(call) "curl_" #call,
        CURL_CALLS(X)
#undef X
    };
    _Static_assert(sizeof *c == NELEMS(names) * sizeof(void *), "nothing but pointers to functions");
    return os_library(LIBRARY, "libcurl", names, NELEMS(names), c, why);
}
