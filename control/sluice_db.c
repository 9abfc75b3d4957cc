// SPDX-License-Identifier: Apache-2.0
#include "control/sluice_db.h"

#include <stdlib.h>
#include <string.h>

#include <jsonrpc.h>
#include <openvswitch/json.h>
#include <openvswitch/poll-loop.h>
#include <openvswitch/vlog.h>
#include <timeval.h>
#include <util.h>

#include "control/schema/sluice-idl.h"

VLOG_DEFINE_THIS_MODULE(sluice_db);

#define ASK_INTERVAL_MS 2000

void sluice_db_init(struct sluice_db *db)
{
    memset(db, 0, sizeof *db);
}

static void stop_asking(struct sluice_db *db)
{
    jsonrpc_session_close(db->session);
    db->session = NULL;
    db->asked = false;
}

void sluice_db_destroy(struct sluice_db *db)
{
    stop_asking(db);
    if (db->loop.idl != NULL)
        ovsdb_idl_loop_destroy(&db->loop);
    free(db->remote);
    memset(db, 0, sizeof *db);
}

void sluice_db_set_remote(struct sluice_db *db, const char *remote)
{
    if (db->remote != NULL && strcmp(db->remote, remote) == 0)
        return;
    free(db->remote);
    db->remote = xstrdup(remote);
    if (db->loop.idl != NULL) {
        VLOG_INFO("the Sluice database is at %s now", remote);
        ovsdb_idl_set_remote(db->loop.idl, remote, true);
        return;
    }
    stop_asking(db);
    db->session = jsonrpc_session_open(remote, true);
}

/* Every column is configuration but those of which we are the writer. */
static void connect_idl(struct sluice_db *db)
{
    static const struct ovsdb_idl_column *const written[] = {
        &sluicerec_sluice_col_cur_cfg,
        &sluicerec_sluice_col_status,
        &sluicerec_logical_network_col_status,
        &sluicerec_logical_port_col_status,
    };
    struct ovsdb_idl *idl = ovsdb_idl_create(db->remote, &sluicerec_idl_class, true, true);

    for (size_t i = 0; i < ARRAY_SIZE(written); i++)
        ovsdb_idl_omit_alert(idl, written[i]);
    ovsdb_idl_track_add_all(idl);
    db->loop = (struct ovsdb_idl_loop)OVSDB_IDL_LOOP_INITIALIZER(idl);
    db->seqno = ovsdb_idl_get_seqno(idl);
}

static bool names_sluice(const struct jsonrpc_msg *msg)
{
    if (msg->type != JSONRPC_REPLY || msg->result == NULL || msg->result->type != JSON_ARRAY)
        return false;
    for (size_t i = 0; i < json_array(msg->result)->n; i++) {
        const struct json *name = json_array(msg->result)->elems[i];

        if (name->type == JSON_STRING && strcmp(json_string(name), "Sluice") == 0)
            return true;
    }
    return false;
}

static void take_answer(struct sluice_db *db, const struct jsonrpc_msg *msg)
{
    db->asked = false;
    db->ask_at = time_msec() + ASK_INTERVAL_MS;
    if (names_sluice(msg)) {
        stop_asking(db);
        db->absent = false;
        connect_idl(db);
    } else if (!db->absent) {
        db->absent = true;
        VLOG_INFO("%s has no Sluice database: ports are not policed", db->remote);
    }
}

static void ask(struct sluice_db *db)
{
    struct jsonrpc_msg *msg;

    jsonrpc_session_run(db->session);
    if (jsonrpc_session_get_seqno(db->session) != db->session_seqno) {
        db->session_seqno = jsonrpc_session_get_seqno(db->session);
        db->asked = false;
        db->ask_at = 0;
    }
    while (db->session != NULL && (msg = jsonrpc_session_recv(db->session)) != NULL) {
        if (msg->type == JSONRPC_REPLY || msg->type == JSONRPC_ERROR)
            take_answer(db, msg);
        jsonrpc_msg_destroy(msg);
    }
    if (db->session == NULL || db->asked || !jsonrpc_session_is_connected(db->session) || time_msec() < db->ask_at)
        return;
    db->asked =
        jsonrpc_session_send(db->session, jsonrpc_create_request("list_dbs", json_array_create_empty(), NULL)) == 0;
}

void sluice_db_run(struct sluice_db *db)
{
    if (db->session != NULL)
        ask(db);
    db->txn = db->loop.idl != NULL ? ovsdb_idl_loop_run(&db->loop) : NULL;
    if (db->loop.idl != NULL && !ovsdb_idl_is_connected(db->loop.idl))
        db->lost = true;
}

bool sluice_db_changed(struct sluice_db *db)
{
    unsigned int seqno = db->loop.idl != NULL ? ovsdb_idl_get_seqno(db->loop.idl) : 0;
    bool changed = seqno != db->seqno;

    db->seqno = seqno;
    return changed && sluice_db_idl(db) != NULL;
}

bool sluice_db_take_loss(struct sluice_db *db)
{
    bool lost = db->lost;

    db->lost = false;
    return lost;
}

bool sluice_db_is_known(const struct sluice_db *db)
{
    return db->absent || sluice_db_idl(db) != NULL;
}

struct ovsdb_idl *sluice_db_idl(const struct sluice_db *db)
{
    return db->loop.idl != NULL && ovsdb_idl_has_ever_connected(db->loop.idl) ? db->loop.idl : NULL;
}

const char *sluice_db_option(const struct sluice_db *db, const char *key)
{
    const struct ovsdb_idl *idl = sluice_db_idl(db);
    const struct sluicerec_sluice *root = idl != NULL ? sluicerec_sluice_first(idl) : NULL;

    return root != NULL ? smap_get(&root->options, key) : NULL;
}

int sluice_db_commit(struct sluice_db *db)
{
    db->txn = NULL;
    if (db->session != NULL) {
        jsonrpc_session_wait(db->session);
        jsonrpc_session_recv_wait(db->session);
        if (!db->asked && jsonrpc_session_is_connected(db->session))
            poll_timer_wait_until(db->ask_at);
    }
    return db->loop.idl != NULL ? ovsdb_idl_loop_commit_and_wait(&db->loop) : 1;
}
