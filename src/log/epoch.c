/* The leader epochs of a log (KIP-101): where each begins, in memory and in its checkpoint file.
 *
 * Invariants
 * 1. Epochs and their start offsets grow.
 * 2. epochs_dirty: the file does not say what the memory does. What it surely says is told by epoch_kept. */
#include "log/log_int.h"
#include "base/grow.h"
#include "base/strbuf.h"

#include <stdio.h>

void log_note_epoch(struct log *l, int32_t epoch, int64_t start_offset)
{
    if (l->epochs_n && l->epochs[l->epochs_n - 1].epoch >= epoch) return;
    l->epochs = grown(l->epochs, l->epochs_n, &l->epochs_cap, sizeof *l->epochs);
    l->epochs[l->epochs_n++] = (struct log_epoch){epoch, start_offset};
    l->epochs_dirty = true;
}

void log_trim_epochs(struct log *l, int64_t start_offset)
{
    int gone = 0;
    while (gone + 1 < l->epochs_n && l->epochs[gone + 1].start_offset <= start_offset) gone++;
    if (gone) memmove(l->epochs, l->epochs + gone, (size_t)(l->epochs_n - gone) * sizeof *l->epochs);
    l->epochs_n -= gone;
    if (l->epochs_n && l->epochs[0].start_offset < start_offset) l->epochs[0].start_offset = start_offset;
    l->epochs_dirty = true;
}

void log_epochs_take(struct log *l, struct strbuf *out)
{
    strbuf_printf(out, "0\n%d\n", l->epochs_n);
    for (int i = 0; i < l->epochs_n; i++)
        strbuf_printf(out, "%d %lld\n", l->epochs[i].epoch, (long long)l->epochs[i].start_offset);
    l->epochs_dirty = false;
}

int log_write_epochs(struct log *l, int (*write)(struct os *os, const char *path, const void *p, size_t n))
{
    if (!l->epochs_dirty) return 0;
    struct strbuf b;
    char path[LOG_PATH_MAX];
    strbuf_init(&b);
    log_epochs_take(l, &b);
    snprintf(path, sizeof path, "%s/" LOG_EPOCHS_FILE, l->dir);
    int rc = write(l->os, path, b.s, b.n);
    strbuf_fini(&b);
    if (rc) l->epochs_dirty = true;
    else l->epoch_kept = l->epochs_n ? l->epochs[l->epochs_n - 1].epoch : -1;
    return rc;
}

void log_end_of_epoch(const struct log *l, int32_t epoch, int32_t *epoch_out, int64_t *end_offset)
{
    *epoch_out = -1;
    *end_offset = -1;
    if (l->epochs_n == 0 || epoch == -1) return;
    if (epoch == l->epochs[l->epochs_n - 1].epoch) {
        *epoch_out = epoch;
        *end_offset = l->end_offset;
        return;
    }
    if (epoch > l->epochs[l->epochs_n - 1].epoch) return;
    int i = 0; /* the first known epoch above the asked one: its start is the end */
    while (l->epochs[i].epoch <= epoch) i++;
    *epoch_out = i ? l->epochs[i - 1].epoch : epoch;
    *end_offset = l->epochs[i].start_offset;
}

int32_t log_epoch_of(const struct log *l, int64_t offset)
{
    int32_t e = -1;
    for (int i = 0; i < l->epochs_n && l->epochs[i].start_offset <= offset; i++) e = l->epochs[i].epoch;
    return e;
}
