// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/transaction.h"

#include "tools/vsctl/database.h"
#include "tools/vsctl/options.h"
#include "tools/vsctl/output.h"
#include "tools/vsctl/verdict.h"

#include <stdlib.h>

#include "db-ctl-base.h"
#include "openvswitch/poll-loop.h"
#include "openvswitch/util.h"
#include "openvswitch/vlog.h"
#include "ovsdb-data.h"
#include "ovsdb-idl-provider.h"
#include "stream.h"
#include "table.h"
#include "util.h"

VLOG_DEFINE_THIS_MODULE(vsctl);

// The connection and transaction of this process, for vsctl_transaction_exit().
static struct ovsdb_idl *open_idl;
static struct ovsdb_idl_txn *open_txn;

void vsctl_transaction_exit(int status)
{
    if (open_txn) {
        ovsdb_idl_txn_abort(open_txn);
        ovsdb_idl_txn_destroy(open_txn);
    }
    ovsdb_idl_destroy(open_idl);
    vsctl_verdict_reset();
    exit(status);
}

static void start_command(struct ctl_command *command)
{
    ds_init(&command->output);
    command->table = NULL;
}

static void discard_outputs(struct ctl_command *commands, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ds_destroy(&commands[i].output);
        table_destroy(commands[i].table);
        free(commands[i].table);
        commands[i].table = NULL;
    }
}

static void fail_on_error(const struct ctl_context *ctx)
{
    if (ctx->error) {
        ctl_fatal("%s", ctx->error);
    }
}

// Ask for the columns that the commands read.
static void run_prerequisites(const struct vsctl_database *db, bool wait, struct ctl_command *commands, size_t n)
{
    ovsdb_idl_add_table(open_idl, db->root);
    if (wait) {
        ovsdb_idl_add_column(open_idl, db->cur_cfg);
    }
    for (size_t i = 0; i < n; i++) {
        if (commands[i].syntax->prerequisites) {
            struct ctl_context ctx;
            start_command(&commands[i]);
            ctl_context_init(&ctx, &commands[i], open_idl, NULL, NULL, NULL);
            commands[i].syntax->prerequisites(&ctx);
            fail_on_error(&ctx);
            ctl_context_done(&ctx, &commands[i]);
        }
    }
}

// Run each command against the open transaction. False: a command waits for the database to change.
static bool run_commands(struct ctl_command *commands, size_t n, struct ovsdb_symbol_table *symtab)
{
    struct ctl_context ctx;
    bool satisfied = true;
    ctl_context_init(&ctx, NULL, open_idl, open_txn, symtab, NULL);
    for (size_t i = 0; i < n && satisfied; i++) {
        ctl_context_init_command(&ctx, &commands[i], i == n - 1);
        if (commands[i].syntax->run) {
            commands[i].syntax->run(&ctx);
        }
        fail_on_error(&ctx);
        ctl_context_done_command(&ctx, &commands[i]);
        satisfied = !ctx.try_again;
    }
    ctl_context_done(&ctx, NULL);
    return satisfied;
}

static void check_symbols(const struct ovsdb_symbol_table *symtab)
{
    struct shash_node *node;
    SHASH_FOR_EACH (node, &symtab->sh) {
        const struct ovsdb_symbol *symbol = node->data;
        if (!symbol->created) {
            ctl_fatal("row id \"%s\" is referenced but never created (e.g. with \"-- --id=%s create ...\")", node->name,
                      node->name);
        }
        if (!symbol->strong_ref) {
            VLOG_WARN(
                "row id \"%s\" was created but %s reference to it was inserted, so it will not actually appear in the "
                "database",
                node->name, symbol->weak_ref ? "only a weak" : "no");
        }
    }
}

static void postprocess(struct ctl_command *commands, size_t n, struct ovsdb_symbol_table *symtab)
{
    for (size_t i = 0; i < n; i++) {
        if (commands[i].syntax->postprocess) {
            struct ctl_context ctx;
            ctl_context_init(&ctx, &commands[i], open_idl, open_txn, symtab, NULL);
            commands[i].syntax->postprocess(&ctx);
            fail_on_error(&ctx);
            ctl_context_done(&ctx, &commands[i]);
        }
    }
}

static void open_transaction(const struct vsctl_database *db, const struct vsctl_options *options, const char *cmdline)
{
    open_txn = ovsdb_idl_txn_create(open_idl);
    vsctl_verdict_reset();
    if (options->dry_run) {
        ovsdb_idl_txn_set_dry_run(open_txn);
    }
    ovsdb_idl_txn_add_comment(open_txn, "%s: %s", program_name, cmdline);

    const struct ovsdb_idl_row *root = ovsdb_idl_first_row(open_idl, db->root);
    if (!root) {
        root = ovsdb_idl_txn_insert(open_txn, db->root, NULL);
    }
    if (options->wait_for_reload) {
        ovsdb_idl_txn_increment(open_txn, root, db->next_cfg, false);
    }
}

static void close_transaction(void)
{
    ovsdb_idl_txn_abort(open_txn); // nothing to do when it is committed
    ovsdb_idl_txn_destroy(open_txn);
    open_txn = NULL;
}

// One attempt at the transaction, at the present state of the database. TXN_TRY_AGAIN: to be repeated at the next one.
static enum ovsdb_idl_txn_status attempt(struct ctl_command *commands, size_t n)
{
    struct ovsdb_symbol_table *symtab = ovsdb_symbol_table_create();
    enum ovsdb_idl_txn_status status = TXN_TRY_AGAIN;
    for (size_t i = 0; i < n; i++) {
        start_command(&commands[i]);
    }
    if (run_commands(commands, n, symtab)) {
        check_symbols(symtab);
        status = ovsdb_idl_txn_commit_block(open_txn);
    }
    if (status == TXN_ERROR) {
        ctl_fatal("transaction error: %s", ovsdb_idl_txn_get_error(open_txn));
    }
    if (status == TXN_SUCCESS || status == TXN_UNCHANGED) {
        postprocess(commands, n, symtab);
    } else if (status != TXN_TRY_AGAIN) {
        ctl_fatal("transaction %s", ovsdb_idl_txn_status_to_string(status));
    } else {
        discard_outputs(commands, n);
    }
    ovsdb_symbol_table_destroy(symtab);
    return status;
}

// Wait until the switch says that it has taken over configuration number cfg.
static void wait_for_switch(const struct vsctl_database *db, int64_t cfg)
{
    // A server that restarts now must not fail the command: what it is waiting for is in the database already.
    ovsdb_idl_enable_reconnect(open_idl);
    for (;;) {
        ovsdb_idl_run(open_idl);
        const struct ovsdb_idl_row *root = ovsdb_idl_first_row(open_idl, db->root);
        if (root && ovsdb_idl_read(root, db->cur_cfg)->keys[0].integer >= cfg) {
            return;
        }
        ovsdb_idl_wait(open_idl);
        poll_block();
    }
}

static void connect_database(const struct vsctl_database *db, const struct vsctl_options *options)
{
    open_idl = ovsdb_idl_create_unconnected(db->idl_class, false);
    ovsdb_idl_set_shuffle_remotes(open_idl, options->shuffle_remotes);
    ovsdb_idl_set_remote(open_idl, options->db, options->retry);
    ovsdb_idl_set_leader_only(open_idl, options->leader_only);
    ovsdb_idl_set_db_change_aware(open_idl, false);
}

// Block until the database differs from what it was at *seqno, which is brought up to date.
static void wait_for_change(const struct vsctl_options *options, unsigned int *seqno)
{
    for (;;) {
        ovsdb_idl_run(open_idl);
        if (!ovsdb_idl_is_alive(open_idl)) {
            int error = ovsdb_idl_get_last_error(open_idl);
            ctl_fatal("%s: database connection failed (%s)", options->db, ovs_retval_to_string(error));
        }
        if (*seqno != ovsdb_idl_get_seqno(open_idl)) {
            *seqno = ovsdb_idl_get_seqno(open_idl);
            return;
        }
        ovsdb_idl_wait(open_idl);
        poll_block();
    }
}

int vsctl_transaction_run(const struct vsctl_database *db, const struct vsctl_options *options, const char *cmdline,
                          struct ctl_command *commands, size_t n_commands)
{
    VLOG(ctl_might_write_to_db(commands, n_commands) ? VLL_INFO : VLL_DBG, "Called as %s", cmdline);
    connect_database(db, options);
    run_prerequisites(db, options->wait_for_reload, commands, n_commands);

    enum ovsdb_idl_txn_status status;
    for (unsigned int seqno = ovsdb_idl_get_seqno(open_idl);;) {
        wait_for_change(options, &seqno);
        open_transaction(db, options, cmdline);
        status = attempt(commands, n_commands);
        if (status != TXN_TRY_AGAIN) {
            break;
        }
        close_transaction();
    }

    for (size_t i = 0; i < n_commands; i++) {
        vsctl_output_print(&commands[i], options);
    }
    discard_outputs(commands, n_commands);

    int exit_status = EXIT_SUCCESS;
    if (options->wait_for_reload && status == TXN_SUCCESS) {
        wait_for_switch(db, ovsdb_idl_txn_get_increment_new_value(open_txn));
        exit_status = vsctl_verdict_report(open_idl, open_txn);
    }
    close_transaction();
    ovsdb_idl_destroy(open_idl);
    open_idl = NULL;
    vsctl_verdict_reset();
    return exit_status;
}
