/* Any bytes as an offset checkpoint. */
#include "broker/checkpoint.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct checkpoints c;
    char *text = xstrndup(data, n);
    checkpoints_init(&c);
    (void)!checkpoint_parse(text, &c.recovery);
    ASSERT(checkpoint_get(&c.recovery, "t", 0) >= -1);
    memcpy(text, data, strnlen((const char *)data, n));
    (void)!checkpoint_parse_txns(text, &c.txns);
    const struct i64s *pairs = checkpoint_txns(&c.txns, "t", 0);
    ASSERT(!pairs || pairs->n % 2 == 0);
    checkpoints_fini(&c);
    free(text);
    return 0;
}
