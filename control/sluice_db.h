// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ovsdb-idl.h>
#include <stdbool.h>

struct jsonrpc_session;

/* The connection to the Sluice database. It is optional: the server is asked which databases it has, and as long as
 * Sluice is not among them the switch works without policy. Control thread. */
struct sluice_db {
    char *remote;                    /* NULL: not configured yet */
    struct jsonrpc_session *session; /* asks the server for its databases, until Sluice is among them */
    unsigned int session_seqno;      /* of the connection that was asked */
    long long int ask_at;            /* time to ask again, ms */
    bool asked;                      /* an answer is outstanding */
    bool absent;                     /* the last answer did not name it */
    struct ovsdb_idl_loop loop;      /* idl is NULL until the server is known to have the database */
    struct ovsdb_idl_txn *txn;       /* open in this turn, or NULL */
    unsigned int seqno;
    bool lost; /* the connection was, so change tracking is not to be relied on */
};

void sluice_db_init(struct sluice_db *db);
void sluice_db_destroy(struct sluice_db *db);
/* Where the database is; a change reconnects. */
void sluice_db_set_remote(struct sluice_db *db, const char *remote);

void sluice_db_run(struct sluice_db *db);
/* True when rows changed, once. */
bool sluice_db_changed(struct sluice_db *db);
/* True when the connection was lost since the last call, and rows may have changed that are not tracked. */
bool sluice_db_take_loss(struct sluice_db *db);
/* True when it is known what the database says, or that there is none. */
bool sluice_db_is_known(const struct sluice_db *db);
/* The rows, or NULL as long as they have never been seen. What was seen stays when the connection goes. */
struct ovsdb_idl *sluice_db_idl(const struct sluice_db *db);
/* Sluice.options:'key', or NULL when it is not set or not known. */
const char *sluice_db_option(const struct sluice_db *db, const char *key);
/* As vswitch_db_commit(). */
int sluice_db_commit(struct sluice_db *db);
