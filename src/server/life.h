/* The life of one broker: storage, shards, partitions, listeners, and the way down. It knows no threads and
 * no signals; server.c brings those, and the simulator has its own. */
#ifndef MOLDAU_LIFE_H
#define MOLDAU_LIFE_H

#include "broker/broker.h"
#include "broker/checkpoint.h"
#include "log/journal.h"
#include "server/storage.h"

struct boot {
    struct os_msg msg, paid;
    struct server *server;
    struct shard *shard;
    int failed;
};
struct server {
    struct node node;
    struct conf conf; /* filled in before server_open */
    int shards_n;
    int log_files_max; /* open at a time, of all shards together; filled in before server_open */
    struct shard *shards, **peers;
    struct broker *brokers;
    struct checkpoints checkpoints;
    struct journal journal; /* what earlier runs left, until every partition is open */
    struct strs {
        char **v;
        int n;
    } journal_files;
    struct os_job end_journals; /* removes them once the logs have all that is in them, on the disk */
    struct net_listener *listeners;
    int listeners_n;
    struct boot *boots;
    int opened, failed_parts, paid;
    struct os_msg stop; /* posted to loop 0, it ends every shard's loop */
    bool stop_asked, failed;
    struct os_msg *stop_shards;
};

/* Formats or reads the directories, replays the metadata, gives every loop a shard and a broker. Zero sv and
 * set conf first. An error leaves one sentence in why. */
int server_open(struct server *sv, struct os **loops, int n, struct strbuf *why) MUST_USE;
/* A shard's first work, on its own thread: its partitions. When all have done it, the listeners open. */
void server_open_shard(struct server *sv, int i);
/* After every loop and the pool have ended: syncs, checkpoints, .kafka_cleanshutdown. The number of failures.
 */
int server_close(struct server *sv) MUST_USE;
void server_complain(const char *text);

#endif
