/* Work of one request that takes longer than others shall wait: a step now and the next ones in turns to
 * come, between which the loop serves everybody else. */
#ifndef MOLDAU_TURNS_H
#define MOLDAU_TURNS_H

#include "broker/broker.h"

struct turns {
    struct os_msg msg;
    struct req *r;
    bool (*step)(struct turns *t);
};
/* t lives in r's arena. step does some milliseconds of work on r's shard and tells whether more is left; the
 * one that tells there is none has answered r, or sees to it. What a connection's end leaves undone is done
 * for nobody: r stays until it is answered. */
void turns_begin(struct turns *t, struct req *r, bool (*step)(struct turns *t));
/* A step follows in the next turn: for who waited for something after the last one. */
void turns_go_on(struct turns *t);

#endif
