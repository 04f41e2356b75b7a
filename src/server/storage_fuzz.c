/* Any bytes as a meta.properties. */
#include "server/storage.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct meta m;
    char *text = xstrndup(data, n);
    if (meta_parse(text, &m) == 0) ASSERT(m.found && m.node_id >= 0 && m.cluster_id[0]);
    free(text);
    return 0;
}
