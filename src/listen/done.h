/* The metadata of a commit: which offsets beyond it are done. Text, "done1:" and base64 of a bit for each
 * offset from the committed one on; brokers keep 4096 characters (offset.metadata.max.bytes), and what has no
 * place is repeated after a restart. */
#ifndef MOLDAU_LISTEN_DONE_H
#define MOLDAU_LISTEN_DONE_H

#include "base/i64s.h"
#include "base/strbuf.h"

/* offsets: ascending, above `committed`. At most bytes_max characters. */
void listen_done_write(int64_t committed, const struct i64s *offsets, size_t bytes_max, struct strbuf *out);
/* Adds what the text says. Text that is not of this form says nothing: others write metadata, too. */
void listen_done_read(int64_t committed, struct slice text, struct i64s *offsets);

#endif
