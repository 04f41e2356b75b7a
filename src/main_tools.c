/* The executable of the tools: the first argument says which. `moldau` starts it; nobody has to type its
 * name. */
#include "app/app.h"
#include "base/base.h"
#include "cli/commands.h"
#include "cli/tools.h"

#include <stdio.h>

static const struct tool {
    const char *name;
    int (*run)(int argc, char **argv);
} tools[] = {
#define X(name, entry, what) {name, entry},
    TOOL_COMMANDS(X)
#undef X
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < NELEMS(tools) && argc > 1; i++)
        if (strcmp(argv[1], tools[i].name) == 0) return tools[i].run(argc - 2, argv + 2);
    fprintf(stderr, "%s has the tools of moldau; see moldau --help\n", TOOLS_PROGRAM);
    return 1;
}
