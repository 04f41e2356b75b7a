/* YAML as Spring reads it: maps become names with dots between. */
#ifndef MOLDAU_YAML_H
#define MOLDAU_YAML_H

#include "rk/setting.h"

/* Lists of texts become one text with commas between; anchors and << are followed. libyaml is loaded for it.
 * ERR_FORMAT with a sentence that begins with the file and the line, ERR_NOENT if there is no libyaml. */
int yaml_settings(struct setting_list *l, const char *file, struct slice text, struct strbuf *why) MUST_USE;

#endif
