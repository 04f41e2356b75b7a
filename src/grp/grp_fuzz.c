/* Any bytes as records of __consumer_offsets, then as a member's metadata. First byte: how the rest is cut.
 */
#include "grp/grp_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct grp_config config = {
        .session_timeout_ms_max = 1000, .size_max = 10, .offset_metadata_max = 99};
    struct grp_shard s;
    struct grp_effects e;
    grp_init(&s, &config);
    grp_effects_init(&e);
    for (size_t at = 0; at + 3 < n;) {
        size_t key = min_size(data[at], n - at - 3), value = min_size(data[at + 1], n - at - 3 - key);
        struct grp_event ev = {
            .type = GRP_LOAD_RECORD,
            .record = {.key = slice_of(data + at + 3, key),
                       .value = slice_of(data[at + 2] & 1 ? NULL : data + at + 3 + key, value),
                       .producer_id = data[at + 2] & 2 ? 5 : -1}};
        int rc = grp_step(&s, &ev, &e);
        ASSERT(rc == 0 || rc == ERR_FORMAT);
        ev = (struct grp_event){.type = GRP_TXN_END, .txn_end = {5, (data[at + 2] & 8) != 0}};
        if (data[at + 2] & 4) rc = grp_step(&s, &ev, &e);
        at += 3 + key + value;
    }
    struct grp_event loaded = {.type = GRP_LOADED},
                     later = {.type = GRP_TICK, .now_ms = 1 << 30, .mono_ms = 1 << 30};
    int rc = grp_step(&s, &loaded, &e);
    rc |= grp_step(&s, &later, &e);
    ASSERT(rc == 0);
    for (size_t i = 0; i < e.appends_n && i < 8; i++) {
        struct grp_event ev = {.type = GRP_APPENDED,
                               .now_ms = 1 << 30,
                               .mono_ms = 1 << 30,
                               .appended = {e.appends[i].token, i & 1 ? ERR_KAFKA_STORAGE_ERROR : 0}};
        rc = grp_step(&s, &ev, &e);
        ASSERT(rc == 0);
    }
    grp_effects_fini(&e);
    grp_fini(&s);
    return 0;
}
