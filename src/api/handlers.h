/* Every API this broker answers: key, handler, first and last version. What is not here is not advertised. */
#ifndef MOLDAU_HANDLERS_H
#define MOLDAU_HANDLERS_H

#include "net/net.h"

#define KP_PRODUCE_FIRST 3

#define API_HANDLERS(X)                                                                                      \
    X(PRODUCE, api_produce, 0, 13)                                                                           \
    X(FETCH, api_fetch, 4, 18)                                                                               \
    X(LIST_OFFSETS, api_list_offsets, 1, 11)                                                                 \
    X(METADATA, api_metadata, 0, 13)                                                                         \
    X(API_VERSIONS, api_api_versions, 0, 4)                                                                  \
    X(CREATE_TOPICS, api_create_topics, 2, 7)                                                                \
    X(DELETE_TOPICS, api_delete_topics, 1, 6)                                                                \
    X(CREATE_PARTITIONS, api_create_partitions, 0, 3)                                                                \
    X(INIT_PRODUCER_ID, api_init_producer_id, 0, 5)

#define X(KEY, fn, min, max) void fn(struct req *r);
API_HANDLERS(X)
#undef X
/* Produce v0-2: UNSUPPORTED_VERSION in the old encoding. */
void produce_refuse_old(struct req *r);

#endif
