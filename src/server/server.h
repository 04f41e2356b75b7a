/* A whole broker: storage, shards, listeners, start and stop. */
#ifndef MOLDAU_SERVER_H
#define MOLDAU_SERVER_H

#include "conf/conf.h"

/* Runs until SIGTERM. Returns the exit code; problems were told in one sentence on the error stream. */
int server_main(int argc, char **argv);

/* Reads a server.properties (NULL: none) and overrides "k=v" into conf and checks it. Prints problems. */
int server_conf(struct conf *c, const char *file, char **overrides, int overrides_n) MUST_USE;

#endif
