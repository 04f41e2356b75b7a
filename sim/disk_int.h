/* Private to the disk's files. */
#ifndef MOLDAU_SIM_DISK_INT_H
#define MOLDAU_SIM_DISK_INT_H

#include "world.h"

#define FDS_MAX 4096

struct inode;
struct name {
    char *name;
    struct inode *inode;
};
struct names {
    struct name *v;
    int n, cap;
};
enum op_kind { OP_ADD, OP_REMOVE, OP_RENAME };
struct op {
    enum op_kind kind;
    char *name, *to;
    struct inode *inode;
};
struct inode {
    bool is_dir, locked;
    struct inode *next; /* of the disk's list */
    /* file */
    uint8_t *data, *kept;
    int64_t size, kept_size, data_cap, kept_cap;
    uint8_t *dirty; /* one byte a sector */
    int64_t dirty_cap;
    /* directory */
    struct names names, kept_names;
    struct op *ops;
    int ops_n, ops_cap;
    int64_t mtime_ms;
};
struct disk {
    struct inode *root, *all;
    struct {
        struct inode *inode;
        bool write;
    } fds[FDS_MAX];
};

void disk_forget_name(struct inode *dir, const char *name);

#endif
