/* The pool: what durability waits for does not stand behind the rest. */
#include "base/test.h"
#include "os/os.h"

#include <semaphore.h>

TEST_MAIN

#define THREADS 4
#define READS (2 * THREADS)

static sem_t synced, ended;

static void read_run(struct os_job *j)
{
    (void)j;
    sem_wait(&synced); /* as a read of a disk that takes its time */
    sem_post(&synced);
}
static void sync_run(struct os_job *j)
{
    (void)j;
    sem_post(&synced);
}
static void job_ended(struct os_job *j, void *owner)
{
    (void)j;
    (void)owner;
    sem_post(&ended);
}

TEST(a_sync_does_not_wait_for_reads)
{
    struct os_pool *pool = os_linux_pool_new(THREADS);
    struct os *os = os_linux_new(pool);
    struct os_job reads[READS] = {0}, sync = {.durability = true, .run = sync_run, .done = job_ended};
    int n = 0;
    sem_init(&synced, 0, 0);
    sem_init(&ended, 0, 0);
    for (int i = 0; i < READS; i++) {
        reads[i].run = read_run;
        reads[i].done = job_ended;
        os_submit(os, &reads[i]);
    }
    os_submit(os, &sync); /* without a lane of its own nothing would ever end */
    while (n < READS + 1) {
        os_turn(os, INT64_MAX, NULL);
        while (sem_trywait(&ended) == 0) n++;
    }
    CHECK_INT(n, READS + 1);
    os_linux_free(os);
    os_linux_pool_free(pool);
}
