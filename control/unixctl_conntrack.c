// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <unixctl.h>

#include "acl/conntrack.h"
#include "control/policies.h"
#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"

#define DUMP_BATCH 256

/* Finds "zone=N" among the arguments; datapath names and options are of no interest. 0, or -EINVAL after answering. */
static int parse_zone(struct unixctl_conn *conn, int argc, const char *argv[], bool *any, uint32_t *zone)
{
    *any = true;
    for (int i = 1; i < argc; i++) {
        char *end;
        unsigned long value;

        if (strncmp(argv[i], "zone=", 5) != 0)
            continue;
        value = strtoul(argv[i] + 5, &end, 0);
        if (argv[i][5] == '\0' || *end != '\0' || value > UINT32_MAX) {
            unixctl_command_reply_error(conn, "failed to parse zone");
            return -EINVAL;
        }
        *any = false;
        *zone = (uint32_t)value;
    }
    return 0;
}

/* The session table; NULL after the connection was answered that there is none. */
static struct conntrack *table(struct unixctl_conn *conn)
{
    struct conntrack *ct = dataplane_conntrack();

    if (ct == NULL)
        unixctl_command_reply_error(conn, "the data plane is not running");
    return ct;
}

static void put_rules(struct ds *out, const struct policies *policies, const struct session_verdict *verdict)
{
    const char *egress = policies_rule_name(policies, verdict->egress_rule);
    const char *ingress = policies_rule_name(policies, verdict->ingress_rule);

    if (egress != NULL)
        ds_put_format(out, ",egress_rule=%s", egress);
    if (ingress != NULL)
        ds_put_format(out, ",ingress_rule=%s", ingress);
    if (!verdict->allowed)
        ds_put_cstr(out, ",cut");
}

static void dump_conntrack(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct session_copy *copies;
    struct conntrack *ct = table(conn);
    struct ds out = DS_EMPTY_INITIALIZER;
    uint32_t cursor = 0, zone = 0;
    size_t n;
    bool any;

    if (ct == NULL || parse_zone(conn, argc, argv, &any, &zone) < 0)
        return;
    copies = xcalloc(DUMP_BATCH, sizeof *copies);
    do {
        n = conntrack_dump(ct, &cursor, copies, DUMP_BATCH);
        for (size_t i = 0; i < n; i++) {
            char line[CONNTRACK_TEXT_LEN];

            if (!any && copies[i].original.zone != zone)
                continue;
            ds_put_cstr(&out, session_copy_format(&copies[i], line));
            put_rules(&out, vswitch->applied.policies, &copies[i].verdict);
            ds_put_char(&out, '\n');
        }
    } while (n == DUMP_BATCH);
    free(copies);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

static void flush_conntrack(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    struct conntrack *ct = table(conn);
    uint32_t zone = 0;
    bool any;

    if (ct == NULL || parse_zone(conn, argc, argv, &any, &zone) < 0)
        return;
    conntrack_flush(ct, zone, any);
    dataplane_revalidate();
    unixctl_command_reply(conn, NULL);
}

static void reply_number(struct unixctl_conn *conn, uint32_t number)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    ds_put_format(&out, "%" PRIu32 "\n", number);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

static void get_nconns(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    const struct conntrack *ct = table(conn);

    if (ct != NULL)
        reply_number(conn, conntrack_count(ct));
}

static void get_maxconns(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    const struct conntrack *ct = table(conn);

    if (ct != NULL)
        reply_number(conn, conntrack_capacity(ct));
}

const struct unixctl_command unixctl_conntrack_commands[] = {
    {"dpctl/dump-conntrack", "[-m] [-s] [dp] [zone=N]", 0, 4, dump_conntrack},
    {"dpctl/flush-conntrack", "[dp] [zone=N]", 0, 2, flush_conntrack},
    {"dpctl/ct-get-nconns", "[dp]", 0, 1, get_nconns},
    {"dpctl/ct-get-maxconns", "[dp]", 0, 1, get_maxconns},
    {NULL, NULL, 0, 0, NULL},
};
