/* sim SEED [SECONDS] [-v]: one run. Prints "ok SEED HASH steps=N" or "FAIL SEED HASH why". */
#include "work.h"
#include "world.h"
#include "base/logline.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct work w = {.seconds = 600};
    int plain = 0;
    uint64_t seed = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0) world.verbose = true;
        else if (plain++ == 0) seed = strtoull(argv[i], NULL, 0);
        else w.seconds = strtoll(argv[i], NULL, 0);
    }
    if (!plain) return 2;
    logline_setup(world.verbose ? LOG_INFO : LOG_WARN, os_write_stderr, os_boot_wall_ms);
    world_init(seed);
    work_run(&w);
    if (world.failed)
        printf("FAIL %llu %016llx at %.3f s: %s\n", (unsigned long long)seed, (unsigned long long)world.trace,
               (double)world.now_ns / 1e9, world.failure);
    else
        printf("ok %llu %016llx %llu steps, %.0f s\n", (unsigned long long)seed,
               (unsigned long long)world.trace, (unsigned long long)world.steps, (double)world.now_ns / 1e9);
    return world.failed;
}
