// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ovsdb-idl.h>
#include <stdbool.h>

/* The connection to the Open_vSwitch database: what is monitored, the lock that keeps a second daemon away, and one
 * transaction at a time. Control thread. */
struct vswitch_db {
    struct ovsdb_idl_loop loop;
    struct ovsdb_idl_txn *txn; /* open in this turn, or NULL (none may be started now) */
    unsigned int seqno;        /* of the rows last looked at */
};

void vswitch_db_init(struct vswitch_db *db, const char *remote);
void vswitch_db_destroy(struct vswitch_db *db);

enum vswitch_db_state {
    VSWITCH_DB_WAIT, /* not connected yet, or not synchronised, or the lock is not ours at the moment: change nothing */
    VSWITCH_DB_LOCKED, /* another daemon holds the lock: be nothing */
    VSWITCH_DB_READY,
};
/* Once per turn, first. Opens db->txn when possible. */
enum vswitch_db_state vswitch_db_run(struct vswitch_db *db);
/* True once after rows changed (also after every reconnection). */
bool vswitch_db_changed(struct vswitch_db *db);

/* Once per turn, last: sends what was written into db->txn. 1: everything that was sent is in the database; 0: it was
 * refused or lost, write again; -1: on its way. */
int vswitch_db_commit(struct vswitch_db *db);
