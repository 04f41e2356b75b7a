/* What comes and goes, in any order: a full disk, failed reads; and what stays. */
#include "base/test.h"
#include "os/os.h"
#include "part/part_int.h"
#include "part/part_test_rig.h"

TEST_MAIN

#define EVENTS 6
enum { FULL, ROOM, READ_FAILS, READ_WORKS, KINDS };

static void play(struct part *p, int order)
{
    bool full = false, failed = false;
    p->full = p->read_failed = false;
    for (int i = 0; i < EVENTS; i++, order /= KINDS) {
        switch (order % KINDS) {
        case FULL:
            part_no_room(p, "it is full");
            full = true;
            break;
        case ROOM: /* only told of after that */
            if (full) part_room_again(p);
            full = false;
            break;
        case READ_FAILS:
            part_read(p, ERR_IO, "it broke");
            failed = true;
            break;
        case READ_WORKS:
            part_read(p, 0, NULL);
            failed = false;
            break;
        }
        const char *want = full ? "disk_full" : failed ? "read_error" : NULL;
        CHECK(part_fenced(p) == want || (want && part_fenced(p) && strcmp(part_fenced(p), want) == 0));
    }
}

TEST(what_passes_does_not_leave_a_fence)
{
    struct os_pool *pool = os_linux_pool_new(1);
    struct os *os = os_linux_new(pool);
    static struct shard shard, *peers[1] = {&shard}; /* what hangs on them lives as long as the process */
    static struct parts parts;
    struct part *p;
    char root[] = "/tmp/moldau-fault-test-XXXXXX";
    struct conf_topic cfg = part_test_conf(1 << 20, 4096);
    struct log_open_opts o = {.clean = true, .start_offset = -1};
    CHECK(mkdtemp(root) != NULL);
    shard_init(&shard, 0, 1, peers, os, 8);
    parts_init(&parts, &shard, PART_SYNC_NEVER, INT64_MAX);
    CHECK_INT(part_open(&parts, root, 0, (struct uuid){{9}}, "t", 0, &cfg, 0, &o, &p), 0);
    int orders = 1;
    for (int i = 0; i < EVENTS; i++) orders *= KINDS;
    for (int order = 0; order < orders; order++) play(p, order);
    p->full = true;
    p->fenced = "damaged"; /* which is for good */
    CHECK(strcmp(part_fenced(p), "damaged") == 0);
    part_room_again(p);
    CHECK(strcmp(part_fenced(p), "damaged") == 0);
    part_remove(p, 0, -1);
    CHECK_INT(os_remove_tree(os, root), 0);
    os_linux_free(os);
    os_linux_pool_free(pool);
}
