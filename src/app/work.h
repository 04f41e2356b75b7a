/* A record that the consumer's application works on: it waits as many seconds as the value says. */
#ifndef MOLDAU_APP_WORK_H
#define MOLDAU_APP_WORK_H

#include "app/look.h"

struct work {
    const rd_kafka_message_t *message;
    bool at_once;     /* the block is printed at the end, in one piece */
    int64_t wait_ms;  /* in all */
    int64_t began_ms; /* since 1970 */
    int64_t due_ms;   /* of os_now_mono_ms */
};
#define WORK_NO_VALUE "the value is no whole number of seconds"

/* false: its value is no number of seconds; nothing is printed then. The message is borrowed until the end.
 */
bool work_begin(struct work *w, const rd_kafka_message_t *m, bool at_once, struct look *look);
void work_end(const struct work *w, struct look *look);

#endif
