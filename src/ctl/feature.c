#include "ctl/feature.h"

#include <stdio.h>

static const struct feature_release releases[] = {
    {7, "3.3-IV3", true},   {8, "3.4-IV0", true},   {9, "3.5-IV0", false},  {10, "3.5-IV1", false},
    {11, "3.5-IV2", true},  {12, "3.6-IV0", false}, {13, "3.6-IV1", true},  {14, "3.6-IV2", true},
    {15, "3.7-IV0", true},  {16, "3.7-IV1", false}, {17, "3.7-IV2", true},  {18, "3.7-IV3", false},
    {19, "3.7-IV4", false}, {20, "3.8-IV0", false}, {21, "3.9-IV0", false}, {22, "4.0-IV0", false},
    {23, "4.0-IV1", true},  {24, "4.0-IV2", false}, {25, "4.0-IV3", false}, {26, "4.1-IV0", false},
    {27, "4.1-IV1", false}, {28, "4.2-IV0", false}, {29, "4.2-IV1", false}, {30, "4.3-IV0", true},
};

static const struct feature features[] = {
    {"eligible.leader.replicas.version", 0, 1, 1, 26},
    {"group.version", 0, 1, 1, 22},
    {"kraft.version", 0, 1, 0, INT16_MAX}, /* its level is a control record, not a feature record */
    {"share.version", 0, 1, 1, 28},
    {"streams.version", 0, 1, 1, 29},
    {"transaction.version", 0, 2, 2, 24},
};

const struct feature_release *feature_releases(size_t *n)
{
    *n = NELEMS(releases);
    return releases;
}

bool feature_changes_metadata(int16_t from, int16_t to)
{
    bool changes = false;
    for (size_t i = 0; i < NELEMS(releases); i++)
        changes |= releases[i].changes && releases[i].level > to && releases[i].level <= from;
    return changes;
}

const struct feature *features_known(size_t *n)
{
    *n = NELEMS(features);
    return features;
}

int16_t feature_default(const struct feature *f, int16_t mv)
{
    if (strcmp(f->name, "kraft.version") == 0) return mv >= MV_DYNAMIC_QUORUM;
    return f->since <= mv ? f->level : 0;
}

int16_t feature_needs(const struct feature *f, int16_t level)
{
    return level > 0 && strcmp(f->name, "eligible.leader.replicas.version") == 0 ? MV_ELR : 0;
}

int feature_check(struct slice name, int16_t level, char why[160])
{
    int16_t min = 0, max = 0;
    bool known = slice_eq_cstr(name, "metadata.version");
    if (known) {
        min = MV_FIRST;
        max = MV_LATEST;
    }
    for (size_t i = 0; i < NELEMS(features); i++)
        if (slice_eq_cstr(name, features[i].name)) {
            known = true;
            max = features[i].max;
        }
    if (known && level >= min && level <= max) return 0;
    int len = (int)min_size(name.n, 60);
    if (known)
        snprintf(why, 160, "the feature %.*s has level %d, but moldau supports %d to %d", len,
                 (const char *)name.p, level, min, max);
    else if (level == 0) return 0;
    else
        snprintf(why, 160, "the feature %.*s (level %d) is not known to moldau", len, (const char *)name.p,
                 level);
    return ERR_UNSUPPORTED_VERSION;
}
