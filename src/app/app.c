#include "app/app.h"
#include "app/consume.h"
#include "app/produce.h"
#include "app/web_consumer.h"
#include "app/web_producer.h"
#include "base/base.h"

#include <stdio.h>

static const struct program {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what;
} programs[] = {
    {"consume", consume_main, "print the records of a topic, with each way to commit"},
    {"produce", produce_main, "send records, with each way to do it"},
    {"producer", producer_main, "a web page that sends records with random values"},
    {"consumer", consumer_main, "works on those records for as many seconds, and shows how far it is"},
};

static void help(FILE *to)
{
    fprintf(to, "usage: moldau app PROGRAM [OPTION]...\n\n");
    for (size_t i = 0; i < NELEMS(programs); i++)
        fprintf(to, "  %-24s %s\n", programs[i].name, programs[i].what);
    fprintf(to, "\nmoldau app PROGRAM --help tells more.\n");
}

int app_main(int argc, char **argv)
{
    for (size_t i = 0; i < NELEMS(programs) && argc > 0; i++)
        if (strcmp(argv[0], programs[i].name) == 0) return programs[i].run(argc - 1, argv + 1);
    bool asked = argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "help") == 0);
    if (argc > 0 && !asked) fprintf(stderr, "moldau app: there is no program %s\n", argv[0]);
    help(asked ? stdout : stderr);
    return asked ? 0 : 1;
}
