/* The features of a cluster: what this code knows, and what each release of metadata.version begins with. */
#ifndef MOLDAU_FEATURE_H
#define MOLDAU_FEATURE_H

#include "base/err.h"
#include "base/strbuf.h"

/* metadata.version by name, ascending. */
struct feature_release {
    int16_t level;
    const char *name;
    bool changes; /* the form of the records or their kinds */
};
const struct feature_release *feature_releases(size_t *n);

/* Whether going down from one metadata.version to another would lose records. */
bool feature_changes_metadata(int16_t from, int16_t to);

/* A feature other than metadata.version, by name: the order of the bootstrap records. */
struct feature {
    const char *name;
    int16_t min, max;
    int16_t level,
        since; /* `level` is the default from metadata.version `since` on; 0: not in the bootstrap */
};
const struct feature *features_known(size_t *n);

/* What a feature begins with at a metadata.version. */
int16_t feature_default(const struct feature *f, int16_t mv);
/* The metadata.version that a level of a feature depends on, 0 if on none. */
int16_t feature_needs(const struct feature *f, int16_t level);
/* The one after MV_LATEST: known by name, not stable. */
#define FEATURE_NEXT_RELEASE "4.4-IV0"

/* Levels of metadata.version from which records look different. */
enum {
    MV_FIRST = 7,
    MV_MIGRATION = 8,       /* 3.4-IV0 */
    MV_SCRAM = 11,          /* 3.5-IV2 */
    MV_TRANSACTIONS = 13,   /* 3.6-IV1: Begin, End and AbortTransaction */
    MV_CONTROLLERS = 15,    /* 3.7-IV0: controllers register */
    MV_DIRECTORIES = 17,    /* 3.7-IV2: a partition's record names log directories */
    MV_DYNAMIC_QUORUM = 21, /* 3.9-IV0 */
    MV_ELR = 23,            /* 4.0-IV1: eligible leader replicas */
    MV_CORDON = 30,         /* 4.3-IV0: log directories that take no new partitions */
    MV_LATEST = 30,
};

/* ERR_UNSUPPORTED_VERSION with a sentence in why if this code cannot work at that level. */
int feature_check(struct slice name, int16_t level, char why[160]) MUST_USE;

#endif
