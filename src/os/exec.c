#include "os/exec.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

void os_exec_beside(const char *name, char **argv, struct strbuf *why)
{
    static const char *const folders[] = {"", "../libexec/"};
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self);
    if (n <= 0 || (size_t)n == sizeof self) {
        strbuf_printf(why, "cannot tell where this program lies, and so where %s does: /proc/self/exe: %s",
                      name, strerror(n < 0 ? errno : ENAMETOOLONG));
        return;
    }
    while (n > 0 && self[n - 1] != '/') n--;
    strbuf_printf(why, "%s cannot be run:", name);
    for (size_t i = 0; i < NELEMS(folders); i++) {
        struct strbuf path;
        strbuf_init(&path);
        strbuf_printf(&path, "%.*s%s%s", (int)n, self, folders[i], name);
        execv(strbuf_cstr(&path), argv);
        strbuf_printf(why, "%s %s: %s", i ? "," : "", strbuf_cstr(&path), strerror(errno));
        strbuf_fini(&path);
    }
}
