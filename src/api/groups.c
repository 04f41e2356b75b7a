#include "api/groups.h"

#include <stdlib.h>

struct groups {
    struct broker *b;
};
struct groups *groups_new(struct broker *b)
{
    struct groups *g = xcalloc(1, sizeof *g);
    g->b = b;
    return g;
}
void groups_free(struct groups *g) { free(g); }
void groups_partition_opened(struct groups *g, struct part *p)
{
    (void)g;
    (void)p;
}
void groups_topic_removed(struct groups *g, struct image_topic *t)
{
    (void)g;
    (void)t;
}
