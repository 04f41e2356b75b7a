/* What comes and goes, in any order: a full disk, failed reads; and what stays. */
#include "base/test.h"
#include "os/os.h"
#include "part/part_int.h"
#include "part/part_test_rig.h"

#include <sys/resource.h>

TEST_MAIN

#define EVENTS 6
enum { FULL, ROOM, READ_FAILS, READ_WORKS, KINDS };

static void play(struct part *p, int order)
{
    bool full = false, failed = false;
    p->full = NULL;
    p->read_failed = false;
    for (int i = 0; i < EVENTS; i++, order /= KINDS) {
        switch (order % KINDS) {
        case FULL:
            part_no_room(p, ERR_NOSPACE, "it is full");
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

/* Appends that append anew when they are told, as a coordinator does. */
struct anew {
    struct part_append append;
    struct part *part;
    struct anew *next; /* appended when this one is told; NULL: none */
    uint8_t *bytes;
    int told;
};

static void anew_told(struct part_append *a, struct shard *s)
{
    struct anew *x = CONTAINER_OF(a, struct anew, append);
    (void)s;
    x->told++;
    if (x->next) part_append(x->part, &x->next->append);
}

static void anew_init(struct anew *x, struct part *p, struct anew *next)
{
    struct batch_builder b;
    struct kp_writer w;
    size_t n;
    batch_builder_init(&b);
    kp_writer_init(&w, 0);
    batch_add(&b, 1000, slice_cstr("k"), slice_cstr("v"), NULL, 0);
    CHECK_INT(batch_finish(&b, &w), 0);
    batch_builder_fini(&b);
    x->bytes = kp_writer_take(&w, &n);
    x->append = (struct part_append){
        .records = slice_of(x->bytes, n), .acks_all = true, .internal = true, .done = anew_told};
    x->part = p;
    x->next = next;
    x->told = 0;
}

/* No file can be opened: what waits to be written is refused, and what was appended by those who were told so
 * is not taken for written. It is not for good either. */
TEST(without_files_appends_are_refused_and_go_on_later)
{
    struct os_pool *pool = os_linux_pool_new(2);
    struct os *os = os_linux_new(pool);
    static struct shard shard, *peers[1] = {&shard};
    static struct parts parts;
    struct part *p, *q;
    char root[] = "/tmp/moldau-fault-test-XXXXXX";
    struct conf_topic cfg = part_test_conf(1 << 20, 4096);
    struct log_open_opts o = {.clean = true, .start_offset = -1};
    struct anew other, first, second, third;
    struct rlimit was, none;
    CHECK(mkdtemp(root) != NULL);
    shard_init(&shard, 0, 1, peers, os, 1);
    parts_init(&parts, &shard, PART_SYNC_NEVER, INT64_MAX);
    CHECK_INT(part_open(&parts, root, 0, (struct uuid){{8}}, "t", 0, &cfg, 0, &o, &p), 0);
    o = (struct log_open_opts){.clean = true, .start_offset = -1};
    CHECK_INT(part_open(&parts, root, 0, (struct uuid){{9}}, "q", 0, &cfg, 0, &o, &q), 0);
    anew_init(&other, q, NULL); /* one file is all that may be open: this closes that of p */
    part_append(q, &other.append);
    parts_end_of_turn(&parts);
    CHECK_INT(other.told, 1);

    anew_init(&third, p, NULL);
    anew_init(&second, p, &third);
    anew_init(&first, p, &second);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &was), 0);
    none = was;
    none.rlim_cur = 3;
    part_append(p, &first.append);
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    parts_end_of_turn(&parts); /* first is refused, then second, then third */
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &was), 0);
    CHECK(first.told == 1 && second.told == 1 && third.told == 1);
    CHECK_INT(first.append.err, ERR_KAFKA_STORAGE_ERROR);
    CHECK_INT(third.append.err, ERR_KAFKA_STORAGE_ERROR);
    CHECK(!p->log->faulted && strcmp(part_fenced(p), "no_files") == 0);
    CHECK_INT(p->log->end_offset, 0);

    first.next = NULL;
    part_append(p, &first.append);
    parts_end_of_turn(&parts);
    CHECK_INT(first.append.err, 0);
    CHECK_INT(p->high_watermark, 1);
    CHECK(part_fenced(p) == NULL);
    parts_check(&parts);
    free(other.bytes), free(first.bytes), free(second.bytes), free(third.bytes);
    part_remove(p, 0, -1);
    part_remove(q, 0, -1);
    CHECK_INT(os_remove_tree(os, root), 0);
    os_linux_free(os);
    os_linux_pool_free(pool);
}

TEST(what_passes_does_not_leave_a_fence)
{
    struct os_pool *pool = os_linux_pool_new(2);
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
    p->full = "disk_full";
    p->fenced = "damaged"; /* which is for good */
    CHECK(strcmp(part_fenced(p), "damaged") == 0);
    part_room_again(p);
    CHECK(strcmp(part_fenced(p), "damaged") == 0);
    part_remove(p, 0, -1);
    CHECK_INT(os_remove_tree(os, root), 0);
    os_linux_free(os);
    os_linux_pool_free(pool);
}
