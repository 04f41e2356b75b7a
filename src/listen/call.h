/* One call of a listener, by a member or by a worker. */
#ifndef MOLDAU_CALL_H
#define MOLDAU_CALL_H

#include "moldau/listen.h"

struct moldau_call {
    struct member *m;       /* NULL: a worker's */
    char **why;             /* of the failure, on the heap; NULL: nothing was said */
    int from, n;            /* in the member's poll */
    int failed_at, nack_at; /* -1 */
    int64_t nack_pause_ms;
};

#endif
