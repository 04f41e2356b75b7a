/* moldau settings: the reference page of every broker, topic and group setting, as Markdown. */
#include "cli/cli.h"
#include "cli/tools.h"
#include "conf/conf.h"

#include <stdio.h>

int settings_main(int argc, char **argv)
{
    struct cli_option options[] = {{NULL, false, NULL, NULL, 0}};
    struct strbuf b;
    cli_parse(argc, argv, "moldau settings: prints the reference of all settings as Markdown", options, NULL,
              NULL);
    strbuf_init(&b);
    conf_print_reference(&b);
    fwrite(b.s, 1, b.n, stdout);
    strbuf_fini(&b);
    return 0;
}
