/* Snapshots of the metadata log: bootstrap.checkpoint and OFFSET-EPOCH.checkpoint, as bytes. The first batch
 * begins with a header, the last is the footer; between them are record batches, and where the quorum is
 * dynamic (kraft.version 1) the first batch also holds its version and voters. */
#ifndef MOLDAU_SNAPSHOT_H
#define MOLDAU_SNAPSHOT_H

#include "ctl/ctl.h"
#include "kp/batch.h"

/* What control records say of the quorum. */
struct quorum {
    int16_t kraft_version;
    uint8_t *voters; /* heap; the body of a VotersRecord, or NULL */
    size_t voters_n;
};
void quorum_fini(struct quorum *q);
/* Takes a control record in. ERR_UNSUPPORTED_VERSION names what this code does not know. */
int quorum_apply(struct quorum *q, int control, struct slice value, int64_t offset,
                 char why[IMAGE_WHY_BYTES]) MUST_USE;
/* The only voter of q (kraft.version 1), or -1 if there are more. */
int32_t quorum_only_voter(const struct quorum *q);
/* kraft.version 1 with this node as the only voter. */
void quorum_found(struct quorum *q, int32_t node_id, struct uuid dir_id, const char *listener,
                  const char *host, uint16_t port);
/* The same with these voters. */
struct kp_voters_record;
void quorum_found_voters(struct quorum *q, const struct kp_voters_record *voters);
void quorum_put(const struct quorum *q, int64_t now_ms, struct batch_builder *b);

/* rs may be empty. last_ms: time of the last record in the log that the snapshot stands for. */
void snapshot_write(const struct ctl_records *rs, const struct quorum *q, int32_t epoch, int64_t last_ms,
                    int64_t now_ms, struct kp_writer *out);
/* Checks the whole snapshot first, then calls cb for every record between header and footer; why[] says what
 * is wrong. ERR_FORMAT: no sound snapshot, and cb was not called. Other errors are cb's. */
int snapshot_read(struct slice bytes, int64_t *last_ms, ctl_record_cb *cb, void *arg,
                  char why[IMAGE_WHY_BYTES]) MUST_USE;

/* 20 digits '-' 10 digits ".checkpoint"; false: another name. */
#define SNAPSHOT_NAME_BYTES 48
void snapshot_name(int64_t end_offset, int32_t epoch, char out[SNAPSHOT_NAME_BYTES]);
bool snapshot_name_parse(const char *name, int64_t *end_offset, int32_t *epoch);

/* The quorum-state file. Returns ERR_FORMAT if it names no leader epoch that can be followed by another. */
int quorum_state_read(struct slice text, int32_t *epoch) MUST_USE;
/* Of this node as the leader; version 1 with kraft.version 1. */
void quorum_state_write(struct strbuf *out, int16_t kraft_version, int32_t node_id, int32_t epoch);

#endif
