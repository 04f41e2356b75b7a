/* libmicrohttpd, loaded when it is needed. Linked, it would bring GnuTLS and seven more libraries into every
 * broker, two of three megabytes that an idle one holds. */
#ifndef MOLDAU_MHD_H
#define MOLDAU_MHD_H

#include "base/err.h"
#include "base/strbuf.h"

#include <microhttpd.h>

#define MHD_CALLS(X)                                                                                         \
    X(start_daemon)                                                                                          \
    X(run)                                                                                                   \
    X(get_timeout)                                                                                           \
    X(get_daemon_info)                                                                                       \
    X(quiesce_daemon)                                                                                        \
    X(stop_daemon)                                                                                           \
    X(suspend_connection)                                                                                    \
    X(resume_connection)                                                                                     \
    X(get_connection_info)                                                                                   \
    X(lookup_connection_value)                                                                               \
    X(create_response_from_buffer)                                                                           \
    X(add_response_header)                                                                                   \
    X(queue_response)                                                                                        \
    X(destroy_response)

struct mhd {
#define X(call) __typeof__(&MHD_##call) call;
    MHD_CALLS(X)
#undef X
};

/* ERR_NOENT with why after its setting's name: the library, or a call of it, is not there. */
int mhd_load(struct mhd *m, struct strbuf *why) MUST_USE;

#endif
