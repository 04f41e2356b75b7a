/* What people type: a broker, and a way to every tool. The tools need libraries that a broker does without,
 * so they are an executable of their own, which this one becomes. */
#include "base/base.h"
#include "cli/commands.h"
#include "os/exec.h"
#include "server/server.h"

#include <stdio.h>

static const struct command {
    const char *name, *what;
} tools[] = {
#define X(name, entry, what) {name, what},
    TOOL_COMMANDS(X)
#undef X
};

static void help_line(const char *name, const char *what)
{
    printf("  %-24s %s\n", name, what);
}

static void help(void)
{
    printf("moldau %s, a Kafka broker and its tools\n\nusage: moldau COMMAND [ARGUMENTS]\n\n",
           MOLDAU_VERSION);
    help_line("server", "run a broker");
    for (size_t i = 0; i < NELEMS(tools); i++) help_line(tools[i].name, tools[i].what);
    printf("\nmoldau COMMAND --help tells more. Without a command a broker starts on localhost:9092.\n");
}

static int run_tool(char **argv)
{
    struct strbuf why;
    strbuf_init(&why);
    os_exec_beside(TOOLS_PROGRAM, argv, &why);
    fprintf(stderr, "moldau: %s\n", strbuf_cstr(&why));
    strbuf_fini(&why);
    return 1;
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
    if (strcmp(argv[1], "server") == 0) return server_main(argc - 2, argv + 2);
    for (size_t i = 0; i < NELEMS(tools); i++)
        if (strcmp(argv[1], tools[i].name) == 0) return run_tool(argv);
    fprintf(stderr, "moldau: unknown command %s; see moldau --help\n", argv[1]);
    return 1;
}
