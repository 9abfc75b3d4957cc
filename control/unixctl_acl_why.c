// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include <openvswitch/dynamic-string.h>
#include <unixctl.h>

#include "control/acl_why.h"
#include "control/unixctl_commands.h"
#include "control/vswitch.h"

static void why(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct ds text = DS_EMPTY_INITIALIZER;
    struct ds out = DS_EMPTY_INITIALIZER;
    struct acl_flow flow;
    struct acl_port port;
    char *error = NULL;

    for (int i = 2; i < argc; i++)
        ds_put_format(&text, "%s,", argv[i]);
    if (!acl_ports_find(vswitch, argv[1], &port)) {
        unixctl_command_reply_error(conn, "no such port");
    } else if (port.attachment == NULL) {
        unixctl_command_reply_error(conn, "no interface of the port is open here");
    } else if (acl_flow_parse(ds_cstr(&text), &flow, &error) != 0) {
        unixctl_command_reply_error(conn, error != NULL ? error : "out of memory");
    } else {
        acl_why_explain(&out, vswitch->applied.policies, &port, &flow);
        unixctl_command_reply(conn, ds_cstr(&out));
    }
    free(error);
    ds_destroy(&text);
    ds_destroy(&out);
}

const struct unixctl_command unixctl_acl_why_commands[] = {
    {"acl/why", "port ingress|egress,field=value,...", 2, 8, why},
    {NULL, NULL, 0, 0, NULL},
};
