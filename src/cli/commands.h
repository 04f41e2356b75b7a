/* The tools by name: COMMAND, its entry, what it does. The program that people type knows their names and has
 * the executable beside it run them; that one has the entries. */
#ifndef MOLDAU_COMMANDS_H
#define MOLDAU_COMMANDS_H

#define TOOLS_PROGRAM "moldau-tools"

#define TOOL_COMMANDS(X)                                                                                     \
    X("storage", storage_main, "format log directories and tell their state")                                \
    X("topics", topics_main, "create, delete, describe, or change topics")                                   \
    X("console-consumer", console_consumer_main, "print the records of topics")                              \
    X("console-producer", console_producer_main, "write the lines of standard input to a topic")             \
    X("listen", listen_main, "run a program for each record of a group's topics")                            \
    X("app", app_main, "run one of the applications: clients to use, to read and to copy")                   \
    X("consumer-groups", consumer_groups_main, "list, describe, reset and delete groups")                    \
    X("get-offsets", get_offsets_main, "tell the offsets of partitions")                                     \
    X("log-dirs", log_dirs_main, "tell what lies in the log directories of brokers")                         \
    X("delete-records", delete_records_main, "delete the records of partitions before an offset")            \
    X("dump-log", dump_log_main, "print the files of a log")                                                 \
    X("configs", configs_main, "describe and change settings")                                               \
    X("settings", settings_main, "print the reference of all settings")                                      \
    X("broker-api-versions", broker_api_versions_main, "tell which versions of each API the brokers offer")

#endif
