/* libcurl, loaded when it is needed: linked, it would bring twenty more libraries into each tool. */
#ifndef MOLDAU_CLI_CURL_H
#define MOLDAU_CLI_CURL_H

#include "base/err.h"
#include "base/strbuf.h"

#include <curl/curl.h>

#define CURL_CALLS(X)                                                                                        \
    X(global_init)                                                                                           \
    X(easy_init)                                                                                             \
    X(easy_setopt)                                                                                           \
    X(easy_getinfo)                                                                                          \
    X(easy_strerror)                                                                                         \
    X(easy_cleanup)                                                                                          \
    X(multi_init)                                                                                            \
    X(multi_setopt)                                                                                          \
    X(multi_add_handle)                                                                                      \
    X(multi_remove_handle)                                                                                   \
    X(multi_socket_action)                                                                                   \
    X(multi_info_read)                                                                                       \
    X(multi_cleanup)                                                                                         \
    X(slist_append)                                                                                          \
    X(slist_free_all)

struct curl {
#define X(call) __typeof__(&curl_##call) call;
    CURL_CALLS(X)
#undef X
};

/* ERR_NOENT with why: the library, or a call of it, is not there. */
int curl_load(struct curl *c, struct strbuf *why) MUST_USE;

#endif
