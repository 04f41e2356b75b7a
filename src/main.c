/* moldau is one program with many names: the first argument, or the name it was called by, says which. */
#include "base/base.h"
#include "cli/tools.h"
#include "server/server.h"

#include <stdio.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} commands[] = {
    {"server", server_main, "run a broker"},
    {"storage", storage_main, "format log directories and tell their state"},
    {"topics", topics_main, "create, delete, describe, or change topics"},
    {"console-consumer", console_consumer_main, "print the records of topics"},
    {"console-producer", console_producer_main, "write the lines of standard input to a topic"},
    {"consumer-groups", consumer_groups_main, "list, describe, reset and delete groups"},
    {"get-offsets", get_offsets_main, "tell the offsets of partitions"},
    {"log-dirs", log_dirs_main, "tell what lies in the log directories of brokers"},
    {"delete-records", delete_records_main, "delete the records of partitions before an offset"},
    {"dump-log", dump_log_main, "print the files of a log"},
    {"configs", configs_main, "describe and change settings"},
    {"settings", settings_main, "print the reference of all settings"},
    {"broker-api-versions", broker_api_versions_main, "tell which versions of each API the brokers offer"},
};

static void help(void)
{
    printf("moldau %s, a Kafka broker and its tools\n\nusage: moldau COMMAND [ARGUMENTS]\n\n",
           MOLDAU_VERSION);
    for (size_t i = 0; i < NELEMS(commands); i++) printf("  %-24s %s\n", commands[i].name, commands[i].what);
    printf("\nmoldau COMMAND --help tells more. Without a command a broker starts on localhost:9092.\n");
}

int main(int argc, char **argv)
{
    if (argc < 2) return server_main(0, argv);
    if (strcmp(argv[1], "--version") == 0) {
        printf("moldau %s\n", MOLDAU_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        help();
        return 0;
    }
    for (size_t i = 0; i < NELEMS(commands); i++)
        if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 2, argv + 2);
    fprintf(stderr, "moldau: unknown command %s; see moldau --help\n", argv[1]);
    return 1;
}
